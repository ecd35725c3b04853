import { z } from "zod";
import { schemas } from "../../schema/index.ts";
import { noteLengthMax, taskNamespace, titleLengthMax } from "./model.ts";

const Task = z.strictObject({
  title: z.string().min(1).max(titleLengthMax),
  note: z.string().max(noteLengthMax),
  done: z.boolean(),
  at: z.number(),
});

/** What the server takes for a task, whoever sends it. */
export const taskSchemas = schemas({ [taskNamespace]: Task }, { strict: true });
