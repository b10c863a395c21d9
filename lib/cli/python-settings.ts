/** The settings of Python applications, for the table in `schema.ts`. */
import {
  choice,
  count,
  duration,
  list,
  onOff,
  text,
  timeLimit,
} from "./kinds.ts";
import { group, setting } from "./setting.ts";

export const PYTHON_SETTINGS = group("Python", {
  python: setting(
    text("PROGRAM", "a program"),
    "",
    "/usr/bin/python3.12",
    "The interpreter of Python applications: that of `pythonVenv`, or else `python3`, unless it is named.",
  ),
  pythonVenv: setting(
    text("FOLDER", "a folder"),
    "",
    ".venv",
    "The virtual environment whose interpreter and packages they use.",
  ),
  pythonPath: setting(
    list("FOLDER", "a folder"),
    [],
    "lib",
    "Further folders with modules. Repeat it for more.",
  ),
  pythonInterface: setting(
    choice("auto", "asgi", "wsgi"),
    "auto",
    "asgi",
    "What Python applications speak: ASGI or WSGI, as they look, unless it is named.",
  ),
  pythonLoop: setting(
    choice("auto", "asyncio", "uvloop"),
    "auto",
    "asyncio",
    "The event loop of those with ASGI: that of uvloop where it is installed.",
  ),
  pythonMaxConcurrent: setting(
    count(0),
    0,
    "100",
    "Requests that each process with ASGI runs at once. 0: no limit.",
  ),
  pythonProcesses: setting(
    count(1),
    1,
    "4",
    "Processes of each Python application, in each worker.",
  ),
  pythonThreads: setting(
    count(1),
    1,
    "8",
    "Requests that each of these processes runs at once, with WSGI.",
  ),
  pythonLazyApps: setting(
    onOff,
    true,
    "false",
    "Each process imports the application itself. Without it, they are copies of one that has.",
  ),
  pythonQueue: setting(
    count(0),
    1024,
    "100",
    "Requests that may wait for them; further ones are answered 503.",
  ),
  pythonStreamBodies: setting(
    onOff,
    false,
    "true",
    "Uploads come while the application reads them, and replies as their clients take them: " +
      "a slow client then keeps a thread.",
  ),
  pythonHarakiri: setting(
    timeLimit,
    30_000,
    "1m",
    "How long an application may take to say something, before its process is replaced: 503. 0 is `none`.",
  ),
  pythonAbortGrace: setting(
    duration,
    30_000,
    "5s",
    "How long it may go on when its client has left.",
  ),
  pythonInterrupt: setting(
    onOff,
    false,
    "true",
    "Raise an exception in it when its client leaves.",
  ),
  pythonMaxRequests: setting(
    count(0),
    0,
    "5000",
    "Requests after which its process is replaced; up to a tenth are taken off, by chance. 0: never.",
  ),
});
