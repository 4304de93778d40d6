import { assert } from "@std/assert";
import { assertStaysFlat } from "../support/proc.ts";
import { exchange } from "../support/streams.ts";
import { flood } from "../support/peers.ts";
import { Server } from "../support/server.ts";
import { keeps } from "./promises.ts";

keeps(
  "backpressure",
  "the server stops reading from a client that sends 400 MB and never reads",
  async (subject) => {
    await using server = await Server.start(subject, subject.quiet);
    using deaf = await server.connect();
    await exchange(deaf, "hello\n");
    const limit = 400e6;
    await assertStaysFlat(server.process, async () => {
      const sent = await flood(deaf, limit);
      assert(sent < limit, `${subject.name} has taken ${sent} bytes`);
    });
    if (!subject.isIterative) await server.assertServes();
  },
);
