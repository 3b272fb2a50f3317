"use strict";
(() => {
  const wait = () => {
    const main = document.querySelector("main[data-refresh]");
    if (main) setTimeout(refresh, 1000 * Number(main.dataset.refresh));
  };
  const summary = (within) => within.querySelector("#summary")?.textContent ?? "";
  const refresh = async () => {
    try {
      if (!document.hidden) {
        const answer = await fetch(location.href, { headers: { accept: "text/html" }, cache: "no-store" });
        // 401: the session has ended, which the answer says. Anything else passes by itself.
        if (answer.status === 200 || answer.status === 401) {
          const next = new DOMParser().parseFromString(await answer.text(), "text/html");
          const main = next.querySelector("main");
          if (main) {
            const before = summary(document);
            const focused = document.activeElement?.id;
            document.querySelector("main").replaceWith(document.adoptNode(main));
            document.title = next.title;
            if (focused) document.getElementById(focused)?.focus();
            if (summary(document) !== before) document.getElementById("live").textContent = summary(document);
          }
        }
      }
    } catch {
      // No network: the page stays as it is.
    }
    wait();
  };
  wait();
})();
