import { useClient } from "@kit/api/client";
import { ok } from "@kit/api/errors";
import { useUser } from "@kit/api/session";
import { Avatar, Button } from "@kit/ui";
import { useQuery } from "@tanstack/react-query";
import { useRef } from "react";
import { useSaving } from "../form";
import styles from "./picture.module.css";
import { type MyProfile, useSaveProfile } from "./profile";
import { useProfileWords } from "./words";

const TYPES = ["image/png", "image/jpeg", "image/webp", "image/gif"];
const MOST_BYTES = 2 * 1024 * 1024;
const GOOD_FOR_S = 3_600;

/** The user's picture in Storage. Each has a name of its own, so that no old one is shown from a cache. */
export function Picture({ profile }: { profile: MyProfile }) {
  const t = useProfileWords();
  const client = useClient();
  const { id } = useUser();
  const save = useSaveProfile();
  const input = useRef<HTMLInputElement>(null);
  const old = profile.avatar_path;
  const url = useQuery({
    queryKey: ["avatar", old],
    enabled: old !== null,
    staleTime: (GOOD_FOR_S * 1000) / 2,
    queryFn: async () => {
      const signed = client.storage.from("avatars").createSignedUrl(old as string, GOOD_FOR_S);
      return (await ok(signed)).signedUrl;
    },
  });

  async function replace(file: File | undefined) {
    let path: string | null = null;
    if (file) {
      if (!TYPES.includes(file.type)) throw new Error(t("wrongType"));
      if (file.size > MOST_BYTES) throw new Error(t("tooBig"));
      path = `${id}/${crypto.randomUUID()}.${file.type.slice("image/".length)}`;
      await ok(client.storage.from("avatars").upload(path, file, { contentType: file.type }));
    }
    await save({ avatar_path: path });
    // It is nobody's any more; that it stays when this fails harms nothing.
    if (old) void client.storage.from("avatars").remove([old]);
  }
  const chosen = useRef<File | undefined>(undefined);
  const saving = useSaving(() => replace(chosen.current));
  return (
    <div className={styles.row}>
      <Avatar name={profile.display_name || profile.name || "?"} url={old ? url.data : null} size={72} />
      <div className={styles.side}>
        <div className={styles.buttons}>
          <Button busy={saving.state === "busy"} onClick={() => input.current?.click()}>
            {t("choose")}
          </Button>
          {old && (
            <Button
              look="quiet"
              busy={saving.state === "busy"}
              onClick={() => {
                chosen.current = undefined;
                void saving.run();
              }}
            >
              {t("removePicture")}
            </Button>
          )}
        </div>
        <p
          className={saving.problem ? styles.problem : styles.hint}
          role={saving.problem ? "alert" : undefined}
        >
          {saving.problem?.text ?? t("pictureHint")}
        </p>
        <input
          ref={input}
          type="file"
          hidden
          aria-label={t("picture")}
          accept={TYPES.join(",")}
          onChange={(event) => {
            chosen.current = event.target.files?.[0];
            event.target.value = "";
            if (chosen.current) void saving.run();
          }}
        />
      </div>
    </div>
  );
}
