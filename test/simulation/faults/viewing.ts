import { fault, type Fault } from "./fault.ts";

/** How somebody can be shown something else than what they may see and have asked for. */
export const VIEWING: readonly Fault[] = [
  fault(
    "who comes is shown all properties of an object",
    "server/views/view.ts",
    "return entry.whole(shapes, isSilent, hidden);",
    "return entry.whole(shapes, isSilent, []);",
    "hiddenProperties",
  ),
  {
    ...fault(
      "a change of a hidden property is told",
      "server/views/shared-changes.ts",
      "    const change = entry.update(base, this.#shapes, isSilent, hidden);",
      "    const change = entry.update(base, this.#shapes, isSilent, []);",
      "hiddenProperties",
    ),
    from: 52,
  },
  {
    ...fault(
      "all are told what was made for those from whom something else is hidden",
      "server/views/shared-changes.ts",
      "one.change.silent === isSilent && hidesSame(one.hidden, hidden)",
      "one.change.silent === isSilent",
      "hiddenProperties",
    ),
    from: 52,
  },
  {
    ...fault(
      "a property that may be seen of late is not shown",
      "server/views/view.ts",
      "    } else if (!hidesSame(known.hidden, hidden) || !equalValues(known.lowered, lowered)) {\n",
      "    } else if (!hidesSame(known.hidden, hidden) && lowered === null) {\n      known.hidden = hidden;\n    } else if (!equalValues(known.lowered, lowered)) {\n",
      "hiddenProperties",
    ),
    from: 50,
  },
  fault(
    "what leaves a view is not taken away",
    "server/views/view.ts",
    'return { kind: "destroy", handle: entry.handle, silent: !isDestroyed || silent.has(entry) };',
    "return void isDestroyed;",
    "views",
  ),
  {
    ...fault(
      "who caught up between two flushes keeps what came and went between",
      "server/views/view.ts",
      "const from = Math.max(this.#told, this.#paged);",
      "const from = this.#told;",
      "views",
    ),
    from: 1007,
  },
  {
    ...fault(
      "what comes and goes twice is not taken away",
      "server/views/view.ts",
      "if (known > Math.max(base.version, from)) return undefined;",
      "if (entered > Math.max(base.version, from)) return undefined;",
      "flutter",
    ),
    from: 60,
  },
  {
    ...fault(
      "pages that were kept show what was hidden since",
      "server/views/view.ts",
      "if (entry.object !== null) this.#pages.clear();",
      "void entry;",
      "flutter",
      "crowds",
    ),
    from: 473,
  },
  {
    ...fault(
      "what has left is forgotten while somebody still has to be told",
      "server/views/view.ts",
      "      this.#horizon = Math.max(this.#horizon, member.revision);\n",
      "",
      "views",
    ),
    from: 27,
  },
  {
    ...fault(
      "what has left is forgotten before it was told",
      "server/views/view.ts",
      "    this.#gone.add(member);\n",
      "    this.#gone.add(member);\n    if (this.#gone.size > this.#surroundings.goneMax) this.#forget(1);\n",
      "views",
    ),
    from: 60,
  },
  {
    ...fault(
      "a view that goes its own way takes the others' objects along",
      "server/views/view.ts",
      "if (!this.has(entry.handle)) this.#enter(entry, hidden, lowered);",
      "this.#members.set(entry.handle, other.member(entry.handle) as Member);",
      "turns",
    ),
    from: 41,
  },
  fault(
    "a flush leaves out what was shown first since the last one",
    "server/views/view.ts",
    "for (let one = this.#recency.firstAfter(this.#told); one !== null; one = one.newer) {",
    "for (let one = this.#recency.firstAfter(this.#told + 1); one !== null; one = one.newer) {",
    "views",
  ),
  {
    ...fault(
      "a query tells of hidden properties",
      "lib/topics.ts",
      "if (query.matches(object, hidden)) return true;",
      "if (query.matches(object)) return true;",
      "hiddenProperties",
      "turns",
    ),
    from: 198,
  },
  {
    ...fault(
      "the properties that were forgotten have not changed",
      "lib/entry.ts",
      "    if (this.forgotten > base) return true; // it was removed, and it is not known which\n",
      "",
      "views",
    ),
    from: 195,
  },
  fault(
    "pages are made without what has happened since the last flush",
    "server/sessions.ts",
    "    this.#advance(now, budget);\n    const isAnySent",
    "    this.#turn(now, budget);\n    const isAnySent",
    "views",
  ),
  fault(
    "a view is turned while its session lacks something",
    "server/sessions.ts",
    "    for (const [session, turn] of this.#turns) {\n      if (!session.isCurrent) continue;",
    "    for (const [session, turn] of this.#turns) {\n      if (!session.isLive) continue;",
    "turns",
  ),
  {
    ...fault(
      "who is shown the same as others joins them before it is as far",
      "server/sessions.ts",
      "    for (const session of this.#turned) {\n      if (!session.isCurrent) continue;",
      "    for (const session of this.#turned) {",
      "turns",
    ),
    from: 717,
  },
  fault(
    "a subscription is answered before it is shown",
    "server/session.ts",
    "    if (!this.isLive) return true;\n    return this.#whenLive",
    "    return this.#whenLive",
    "turns",
  ),
  {
    ...fault(
      "a newcomer is shown what the store may still refuse",
      "server/views/views.ts",
      "    this.#fillings.set(view, new Filling(view, this.#ground).steps());\n    return view;",
      "    this.#fillings.set(view, new Filling(view, this.#ground).steps());\n    this.advance();\n    return view;",
      "views",
      "durable",
    ),
    from: 136,
  },
  {
    ...fault(
      "a changed property does not bring an object into the view of a query",
      "server/views/views.ts",
      "entry.hasChanged(this.#seq, this.#index.dependsOn);",
      "false;",
      "turns",
    ),
    from: 43,
  },
  {
    ...fault(
      "an object that moves to another channel is not looked at",
      "server/views/views.ts",
      "      isMoved ||\n",
      "",
      "turns",
    ),
    from: 518,
  },
  {
    ...fault(
      "an object that others may see of late is not looked at",
      "server/views/views.ts",
      "      this.#permissions.isDynamic(id) ||\n",
      "",
      "rules",
    ),
    from: 113,
  },
  fault(
    "a view is told before it is whole",
    "server/views/view.ts",
    "    return this.#isReady;",
    "    return true;",
    "slices",
    "views",
  ),
  {
    name: "what changes while a view is filled is passed by",
    needs: ["slices", "views"],
    from: 480,
    patches: [
      {
        file: "server/views/views.ts",
        find: "      budget.spend(this.#index.add(view, view.topics));\n",
        replace: "",
      },
      {
        file: "server/views/views.ts",
        find: "    if (goOn(steps, this.#looksPerSlice, budget)) view.filled();\n",
        replace:
          "    if (goOn(steps, this.#looksPerSlice, budget)) {\n      this.#index.add(view, view.topics);\n      view.filled();\n    }\n",
      },
    ],
  },
  {
    ...fault(
      "what is asked for no more stays, as if others still asked for it",
      "server/views/filling.ts",
      "for (const channel of without(before.channels, topics.channels)) {",
      "for (const channel of without(topics.channels, before.channels)) {",
      "turns",
    ),
    from: 86,
  },
  {
    ...fault(
      "a revocation is for nothing",
      "server/views/views.ts",
      "    this.#review.add(ids);",
      "    if (ids !== undefined) this.#review.add(ids);",
      "gates",
    ),
    from: 27,
  },
  {
    ...fault(
      "what is revoked is shown until all of it was looked at",
      "server/views/views.ts",
      "      if (!wasReviewing) for (const view of this.#all) view.hold();\n",
      "",
      "slices",
      "gates",
    ),
  },
  {
    ...fault(
      "what a refused batch gives back is not looked at again",
      "server/write-turns.ts",
      "    onTakenBack(touched.map(({ entry }) => entry.id));\n",
      "",
      "gates",
      "durable",
    ),
    from: 2932,
  },
  {
    ...fault(
      "a revocation shows later than what has happened until then",
      "server/world-host.ts",
      "    this.#reconsider(ids);\n    await this.readable();\n",
      "    await this.readable();\n    this.#reconsider(ids);\n",
      "gates",
      "durable",
    ),
    from: 141,
  },
  fault(
    "all users are shown the same",
    "server/rules.ts",
    '=> (this.#isPersonal ? audienceKey(identity, sessionId) : "");',
    '=> "";',
    "rules",
  ),
  {
    ...fault(
      "who is shown a part goes on from where it was",
      "server/reception.ts",
      "const isResumed = isWhole && world.canResume(cursor)",
      "const isResumed = world.canResume(cursor)",
      "turns",
      "device",
    ),
    from: 725,
  },
  fault(
    "an object that may not be seen can be changed",
    "server/judge.ts",
    "    if (hidden === undefined) throw notFound(id);\n",
    "",
    "rules",
  ),
  fault(
    "who may not see an object is told that it is there, when it would change it",
    "server/judge.ts",
    "    if (hidden === undefined) throw notFound(id);\n",
    '    if (hidden === undefined) throw new SyncError("forbidden", "this client may not do that", { id });\n',
    "probed",
  ),
  {
    ...fault(
      "who may not see an object is told that it is there, when it would create it",
      "server/judge.ts",
      "if (object !== undefined && permissions.hidden(identity, object) === undefined) {",
      "if (object === null) {",
      "rules",
    ),
    from: 53,
  },
  {
    ...fault(
      "permission is asked for before the handlers, and not at the commit",
      "server/examiner.ts",
      "if (job.writer !== null) this.#options.judge.check(job.writer, job.operations, job.asked);",
      "if (job.writer !== null && job.isConsulted !== true) this.#options.judge.check(job.writer, job.operations, job.asked);",
      "gates",
      "handlers",
    ),
    from: 1103,
  },
  {
    ...fault(
      "a refusal quotes the object",
      "server/rules.ts",
      'throw new SyncError("forbidden", "this client may not do that", { id: object.id });',
      'throw new SyncError("forbidden", JSON.stringify(object), { id: object.id });',
      "judged",
      "hiddenProperties",
    ),
    from: 201,
  },
  {
    ...fault(
      "a handle tells the id of an object that may not be seen",
      "server/world-host.ts",
      "    return isSeen ? id : undefined;",
      "    return isSeen || true ? id : undefined;",
      "probed",
    ),
    from: 1029,
  },
  {
    ...fault(
      "who has a part goes on as if it were all",
      "lib/world.ts",
      "return isPart !== true && epoch",
      "return (isPart ?? true) && epoch",
      "turns",
      "device",
    ),
    from: 126,
  },
  {
    ...fault(
      "what was looked at before a further revocation is not looked at again",
      "server/views/review.ts",
      "else [this.#end, this.#nextEnd] = [Infinity, this.#done];",
      "else void this.#nextEnd;",
      "gates",
      "slices",
    ),
    from: 1253,
  },
];
