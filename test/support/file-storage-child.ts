import { fileStorage } from "../../client/storage/file/index.ts";
import { answererOf, type StorageCall } from "./remote-storage.ts";

/** The file storage at FILE, in a process of its own, which does what its parent asks. */
const answer = answererOf(fileStorage(process.env["FILE"] ?? ""));
process.on("message", ({ id, call }: { id: number; call: StorageCall }) => {
  void answer(call).then((given) => process.send?.({ id, ...given }));
});
process.send?.({ id: 0 });
