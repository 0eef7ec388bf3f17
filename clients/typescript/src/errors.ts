// Errors as types. Everything about them comes from the OpenAPI document: there is no list of codes here.

import type { components, operations } from "./openapi.js";

type AnyProblem = components["schemas"]["Problem"];

/** The code of a problem. Codes are stable; texts are not. */
export type ProblemCode = AnyProblem["code"];

/** The problems that an operation returns. */
type ProblemsOf<Operation> = Operation extends { responses: infer Responses }
  ? { [Status in keyof Responses]: ProblemIn<Responses[Status]> }[keyof Responses]
  : never;
type ProblemIn<Response> = Response extends { content: { "application/problem+json": infer Body } } ? Body : never;
type Documented = { [Name in keyof operations]: ProblemsOf<operations[Name]> }[keyof operations];

/** The fields that a problem with this code has in every response that documents it alone. */
type FieldsOf<Code extends ProblemCode> =
  Extract<Documented, { code: Code }> extends { errors: infer Errors } ? { errors: Errors } : unknown;

/** A problem (RFC 9457). Its `code` determines the other fields, such as `errors` with `validation-failed`. */
export type Problem = { [Code in ProblemCode]: AnyProblem & { code: Code } & FieldsOf<Code> }[ProblemCode];

/** The fields of a problem, with the response, as an error. Its `code` determines the other fields. */
export type DoorwardError = Error &
  Problem & {
    readonly response: Response;
    /** Seconds to wait before another attempt, if the server said so. */
    readonly retryAfter: number | undefined;
  };

class ProblemError extends Error {
  readonly response: Response;
  readonly retryAfter: number | undefined;

  constructor(problem: Problem, response: Response) {
    super(`${problem.title}: ${problem.detail} (request ${problem.request_id})`);
    Object.assign(this, problem);
    this.name = "DoorwardError";
    this.response = response;
    this.retryAfter = retryAfter(response);
  }
}

/** Doorward's problem as an error: `if (error instanceof DoorwardError && error.code === "username-taken") …` */
export const DoorwardError = ProblemError as unknown as new (problem: Problem, response: Response) => DoorwardError;

/** A response that is not from Doorward: a proxy's error page, or another server. */
export class UnexpectedResponse extends Error {
  constructor(readonly response: Response) {
    super(`${response.url} returned ${response.status} without a problem`);
    this.name = "UnexpectedResponse";
  }
}

/** The seconds in `Retry-After`. */
export function retryAfter(response: Response): number | undefined {
  const seconds = Number(response.headers.get("Retry-After") ?? NaN);
  return Number.isNaN(seconds) ? undefined : seconds;
}

type Result<Data> = { data?: Data; error?: unknown; response: Response };

/** Returns the data of a request, or throws its `DoorwardError`. */
export async function unwrap<Data>(request: Result<Data> | Promise<Result<Data>>): Promise<Data> {
  const { data, error, response } = await request;
  if (response.ok) return data as Data;
  throw isProblem(error) ? new DoorwardError(error, response) : new UnexpectedResponse(response);
}

function isProblem(body: unknown): body is Problem {
  return typeof body === "object" && body !== null && "code" in body && "request_id" in body;
}
