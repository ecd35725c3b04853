import { expect, test } from "@jest/globals";
import type { Job } from "../../../server/job.ts";
import { ReadyJobs } from "../../../server/ready-jobs.ts";

function job(clientId: string | null, n = 1, isConsulted = false): Job {
  const client = clientId && { clientId, n, settled: 0, seen: 0, isStrict: false };
  return { writer: null, client: client || null, operations: [], isConsulted, settle: () => {} };
}

const names = (jobs: Iterable<Job>): string[] =>
  Array.from(jobs, ({ client }) => (client === null ? "server" : `${client.clientId}${client.n}`));

function newJobs(...list: readonly Job[]): ReadyJobs {
  const jobs = new ReadyJobs();
  for (const one of list) jobs.push(one);
  return jobs;
}

test("jobs are taken in the order in which they came, as many as are wanted", () => {
  const jobs = newJobs(job("a"), job(null), job("b"), job("a", 2));
  let count = 0;
  expect(names(jobs.take(() => ++count <= 2))).toEqual(["a1", "server"]);
  expect([count, jobs.size, names(jobs)]).toEqual([3, 2, ["b1", "a2"]]);
  jobs.push(job("b", 2));
  expect(names(jobs.takeAll())).toEqual(["b1", "a2", "b2"]);
  expect(jobs.size).toBe(0);
});

test("what is forgotten of one client asks about no job of another", () => {
  const jobs = newJobs(job("a"), job("b"), job("a", 2, true), job(null), job("a", 3));
  const asked: Job[] = [];
  const taken = jobs.takeOf("a", (one) => {
    asked.push(one);
    return one.isConsulted !== true;
  });
  expect([names(taken), names(asked)]).toEqual([
    ["a1", "a3"],
    ["a1", "a2", "a3"],
  ]);
  expect(names(jobs)).toEqual(["b1", "a2", "server"]);
  jobs.takeAll();
  expect(jobs.takeOf("a", () => true)).toEqual([]);
});
