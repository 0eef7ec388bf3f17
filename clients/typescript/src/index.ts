export { createClient, type Client, type ClientOptions, type Credentials, type SecondFactor } from "./client.js";
export { DoorwardError, UnexpectedResponse, unwrap, type Problem, type ProblemCode } from "./errors.js";
export { memoryStore, type SessionStore, type StoredSession } from "./session.js";
export type { RetryOptions } from "./retry.js";
export type { components, operations, paths } from "./openapi.js";
