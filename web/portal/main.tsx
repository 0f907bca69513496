import "@kit/ui/base.css";
import { ClientProvider, connect } from "@kit/api/client";
import { readConfig } from "@kit/api/config";
import { newQueryClient } from "@kit/api/query";
import { LanguageProvider } from "@kit/i18n";
import { ToastProvider } from "@kit/ui";
import { applyTheme } from "@kit/ui/theme";
import { QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { RouterProvider } from "react-router";
import { arrive } from "./account/arrival";
import { SessionProvider } from "./account/session";
import { makeRouter } from "./routes";

applyTheme();
const root = createRoot(document.getElementById("root") as HTMLElement);
try {
  const client = connect(await readConfig());
  const arrival = await arrive(client);
  const router = makeRouter();
  root.render(
    <StrictMode>
      <ClientProvider client={client}>
        <LanguageProvider>
          <QueryClientProvider client={newQueryClient()}>
            <ToastProvider>
              <SessionProvider arrival={arrival}>
                <RouterProvider router={router} />
              </SessionProvider>
            </ToastProvider>
          </QueryClientProvider>
        </LanguageProvider>
      </ClientProvider>
    </StrictMode>,
  );
} catch (error) {
  root.render(
    <p role="alert">pgdesk cannot start: {error instanceof Error ? error.message : String(error)}</p>,
  );
}
