/** What start.js has the command serve. */
export default () => "Hello, World!";
