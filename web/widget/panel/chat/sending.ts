/** Files that the visitor sends along with what they say. */
import type { Rest } from "../desk/rest";
import type { Visitor } from "../desk/visitor";
import type { Upload } from "./state";

/** Sends what has not been sent yet, and says to which message all of them belong. */
export async function sendFiles(
  rest: Rest,
  visitor: Visitor,
  message: string,
  uploads: Upload[],
): Promise<void> {
  const folder = await visitor.folder();
  for (const upload of uploads) {
    if (upload.path) continue;
    const path = `${folder}/${crypto.randomUUID()}/${nameFor(upload.file.name)}`;
    await rest.upload(path, upload.file);
    upload.path = path;
  }
  await rest.call("attach_files", { message_id: message, files: uploads.map(({ path }) => path) });
}

/** A name that Storage takes. */
const nameFor = (name: string): string => name.replace(/[^\w.-]+/g, "_").slice(-100) || "file";
