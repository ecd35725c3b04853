type Hook = (this: { timeout: () => void }) => unknown;

interface Group {
  readonly before: Hook[];
  readonly after: Hook[];
  readonly afterEach: Hook[];
}

/** One test of a suite, with the hooks around it. */
export interface MochaTest {
  readonly name: string;
  readonly run: () => Promise<void>;
}

/** The tests of a suite for mocha, whose `require` is this one. */
export function mochaTests(
  file: string,
  text: string,
  required: Record<string, unknown>,
): MochaTest[] {
  const groups: (Group & { readonly name: string })[] = [];
  const tests: MochaTest[] = [];
  const innermost = (): Group => groups.at(-1) ?? { before: [], after: [], afterEach: [] };
  const names = {
    require: (name: string): unknown => {
      if (name in required) return required[name];
      throw new Error(`the suite asks for ${name}`);
    },
    describe: (name: string, fill: () => void) => {
      groups.push({ name, before: [], after: [], afterEach: [] });
      fill();
      groups.pop();
    },
    before: (hook: Hook) => innermost().before.push(hook),
    after: (hook: Hook) => innermost().after.push(hook),
    afterEach: (hook: Hook) => innermost().afterEach.push(hook),
    it: (name: string, test: Hook) => {
      const around = [...groups];
      const run = async (): Promise<void> => {
        try {
          for (const hook of around.flatMap(({ before }) => before)) await call(hook);
          await call(test);
        } finally {
          const late = around.flatMap(({ afterEach, after }) => [...afterEach, ...after]);
          for (const hook of late) await call(hook);
        }
      };
      tests.push({ name: [...around.map((group) => group.name), name].join(" "), run });
    },
  };
  // In this realm: what the suite compares must have the same prototypes as what it is given.
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- the suite's own text
  const program = new Function(...Object.keys(names), `${text}\n//# sourceURL=${file}`) as (
    ...args: unknown[]
  ) => void;
  program(...Object.values(names));
  return tests;
}

async function call(hook: Hook): Promise<void> {
  await hook.call({ timeout: () => undefined });
}
