import { RESULT } from "./result.ts";
import { START_RESPONSE } from "./start-response.ts";

RESULT.onLoop();
START_RESPONSE.onLoop();
