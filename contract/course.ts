/**
 * The learning path of docs/course.md: the samples in the order in which the course teaches them.
 *
 * @module
 */

import { findSamples, root } from "./header.ts";

/** A step of the learning path. */
export interface Step {
  /** Its number in the list, from 1. */
  number: number;
  title: string;
  /** The paths of its samples, in order. */
  samples: string[];
}

/** All steps of the learning path. */
export function readCourse(): Step[] {
  const source = Deno.readTextFileSync(`${root}docs/course.md`);
  const [, section = ""] = /^## The learning path\n([^]*?)(?=^## |$(?![^]))/m.exec(source) ?? [];
  return Array.from(
    section.matchAll(/^(\d+)\. \*\*(.*?)\*\*([^]*?)(?=^\d+\. |$(?![^]))/gm),
    ([, number, title = "", text = ""]) => ({
      number: Number(number),
      title,
      samples: Array.from(
        text.matchAll(/\]\(\.\.\/((?:servers|clients|unix)\/\w+\.ts)\)/g),
        ([, path = ""]) => path,
      ),
    }),
  );
}

/**
 * The steps that have a sample whose path contains one of the names, with those samples only; all steps if
 * there are no names. Throws a UsageError if no sample's path contains a name.
 */
export function findSteps(names: string[]): Step[] {
  const found = new Set(findSamples(names));
  return readCourse()
    .map((step) => ({ ...step, samples: step.samples.filter((path) => found.has(path)) }))
    .filter(({ samples }) => samples.length > 0);
}
