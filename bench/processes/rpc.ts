import type { ChildProcess } from "node:child_process";

/** What a process does when the runner asks for it. Arguments and answers travel as JSON. */
export type Methods = Record<string, (...args: never[]) => unknown>;

export type Remote<Offered extends Methods> = {
  readonly [Name in keyof Offered]: (
    ...args: Parameters<Offered[Name]>
  ) => Promise<Awaited<ReturnType<Offered[Name]>>>;
};

interface Question {
  readonly number: number;
  readonly name: string;
  readonly args: readonly unknown[];
}

type Answer = { readonly number: number } & (
  { readonly result: unknown } | { readonly error: string }
);

/** In a process that was started by the runner: answers it, and ends with it. */
export function offer(methods: Methods): void {
  process.on("message", (question: Question) => void answer(methods, question));
  process.on("disconnect", () => process.exit());
}

async function answer(methods: Methods, { number, name, args }: Question): Promise<void> {
  // A runner that has gone meanwhile hears nothing, which is no error.
  const send = (answer: Answer) => process.send?.(answer, undefined, undefined, () => undefined);
  try {
    const method = methods[name] as ((...args: readonly unknown[]) => unknown) | undefined;
    if (method === undefined) throw new Error(`there is no ${name}`);
    send({ number, result: await method(...args) });
  } catch (error) {
    send({
      number,
      error: error instanceof Error ? (error.stack ?? error.message) : String(error),
    });
  }
}

/** In the runner: the methods that `child` offers. They reject when it dies. */
export function remote<Offered extends Methods>(
  child: ChildProcess,
  name: string,
): Remote<Offered> {
  const waiting = new Map<number, { resolve(result: unknown): void; reject(error: Error): void }>();
  let asked = 0;
  child.on("message", (answer: Answer) => {
    const call = waiting.get(answer.number);
    waiting.delete(answer.number);
    if ("error" in answer) call?.reject(new Error(`in the ${name} process: ${answer.error}`));
    else call?.resolve(answer.result);
  });
  child.on("exit", (code, signal) => {
    const error = new Error(`the ${name} process has ended (${signal ?? code ?? "?"})`);
    for (const call of waiting.values()) call.reject(error);
    waiting.clear();
  });
  return new Proxy({} as Remote<Offered>, {
    get:
      (_target, method) =>
      (...args: readonly unknown[]) =>
        new Promise((resolve, reject) => {
          asked += 1;
          waiting.set(asked, { resolve, reject });
          const question: Question = { number: asked, name: String(method), args };
          // A process that has ended, or was ended for taking too long, answers nothing more.
          child.send(question, (error) => error !== null && reject(error));
        }),
  });
}
