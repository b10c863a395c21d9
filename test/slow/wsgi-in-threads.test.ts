/** What WSGI-style applications do on the loop, they do in threads. */
import { RESULT } from "../adapters/wsgi/result.ts";
import { START_RESPONSE } from "../adapters/wsgi/start-response.ts";

RESULT.inThreads();
START_RESPONSE.inThreads();
