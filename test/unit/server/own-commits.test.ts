import { expect, test } from "@jest/globals";
import { OwnCommits } from "../../../server/own-commits.ts";

test("what is newer than was seen is news, but for a client's own commits", () => {
  const own = new OwnCommits();
  own.add("a", 5, 3);
  own.add("b", 6, 3);
  const isNews = own.newsAfter("a", 3);
  expect([3, 4, 5, 6].filter(isNews)).toEqual([4, 6]);
  expect([4, 5].filter(own.newsAfter("c", 3))).toEqual([4, 5]);
});

test("what a client says that it has seen is not remembered as its own", () => {
  const own = new OwnCommits();
  own.add("a", 5, 3);
  own.add("a", 9, 7);
  expect([5, 8, 9].filter(own.newsAfter("a", 3))).toEqual([5, 8]);
});

test("commits that are taken back are nobody's", () => {
  const own = new OwnCommits();
  own.add("a", 5, 3);
  own.add("a", 6, 3);
  own.forgetAfter(5);
  expect([5, 6].filter(own.newsAfter("a", 3))).toEqual([6]);
});
