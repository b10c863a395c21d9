/** docs/tour.md's way to serve behind nginx, both as they stand. */
import { NGINX_MISSING } from "../support/nginx.ts";
import { describeIf } from "../support/programs.ts";
import { ARGUMENTS, itLosesNothing, SITE } from "./nginx-site.ts";

describeIf(NGINX_MISSING, "nginx as docs/tour.md has it", () => {
  itLosesNothing(ARGUMENTS, SITE);
});
