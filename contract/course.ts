/**
 * The learning path of docs/course.md: the samples in the order in which the course teaches them.
 *
 * @module
 */

import { findSamples, root, sampleFolders } from "./header.ts";

const sampleLinks = RegExp(`\\]\\(\\.\\./((?:${sampleFolders.join("|")})/\\w+\\.ts)\\)`, "g");

/** A step of the learning path. */
export interface Step {
  /** Its number in the list, from 1. */
  number: number;
  title: string;
  /** The paths of its samples, in order. */
  samples: string[];
}

/** Reads all steps of the learning path. */
export function readCourse(): Step[] {
  const document = Deno.readTextFileSync(`${root}docs/course.md`);
  const [, below = ""] = document.split("\n## The learning path\n");
  const [list = ""] = below.split("\n## ");
  return Array.from(
    list.matchAll(/^(\d+)\. \*\*(.*?)\*\*((?:.|\n(?!\d))*)/gm),
    ([, number, title = "", text = ""]) => {
      const links = text.matchAll(sampleLinks);
      return { number: Number(number), title, samples: Array.from(links, ([, path = ""]) => path) };
    },
  );
}

/**
 * Returns the steps that have a sample whose path contains one of the names, with those samples only, or all
 * steps if there are no names. Throws a UsageError for a name that no sample's path contains.
 */
export function findSteps(names: string[]): Step[] {
  const found = new Set(findSamples(names));
  return readCourse()
    .map((step) => ({ ...step, samples: step.samples.filter((path) => found.has(path)) }))
    .filter(({ samples }) => samples.length > 0);
}
