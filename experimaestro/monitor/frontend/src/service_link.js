/**
 * The address of a service's page, as the browser that shows it must ask for it.
 *
 * Law: only the browser knows where its user stands. It asks the page for the base URL of the
 * Jupyter server, and that server whether jupyter-server-proxy is there; the kernel only says on
 * which port the service listens (`describe` in `scheduler/services/links.py`). A template of the
 * user's wins. What lets in (`query`) is in `href` only, never in what is shown.
 *
 * Plain JavaScript, with its types beside it, so that a browser can load it without a build.
 */

const LOCAL = new Set(["localhost", "127.0.0.1", "[::1]"]);

/** Jupyter servers that are known to have the proxy: asked once. */
const proxied = new Set();

/** The base URL of the Jupyter server of a page, with its slashes; null if there is none. */
export function jupyterBaseUrl(doc = document, path = location.pathname) {
  const data = doc.getElementById("jupyter-config-data"); // JupyterLab, Notebook 7, nbclassic, Voila
  if (data?.textContent) {
    try {
      const { baseUrl } = JSON.parse(data.textContent);
      if (typeof baseUrl === "string") return folder(new URL(baseUrl, location.href).pathname);
    } catch {
      // not Jupyter's: as if it were not there
    }
  }
  const classic = doc.body?.dataset?.baseUrl; // older classic notebooks
  if (classic) return folder(classic);
  const behind = /^(.*\/)proxy\/(?:absolute\/)?[^/]+\//.exec(path); // our own page, behind the proxy
  return behind ? behind[1] : null;
}

/** Whether a Jupyter server has jupyter-server-proxy: "yes", "no", or "login" if it lets nobody in. */
export async function askProxy(base, ask = fetch) {
  if (proxied.has(base)) return "yes";
  try {
    const answer = await ask(`${base}server-proxy/servers-info`, { credentials: "same-origin", redirect: "manual" });
    if (answer.ok) {
      proxied.add(base);
      return "yes";
    }
    return answer.type === "opaqueredirect" || answer.status === 401 || answer.status === 403 ? "login" : "no";
  } catch {
    return "no";
  }
}

/** The link to a service: see `service_link.d.ts`. */
export async function resolve(service) {
  const made = (address, via, hint = "") => {
    const url = new URL(address, location.href);
    const shown = url.href;
    if (service.query) url.search = `${url.search ? `${url.search}&` : "?"}${service.query}`;
    return { href: url.href, shown, via, hint };
  };
  if (service.template) return made(service.template, "template");
  const colab = globalThis.google?.colab?.kernel;
  if (colab) {
    const origin = await colab.proxyPort(service.port);
    return made(`${origin.replace(/\/$/, "")}${service.path}`, "colab");
  }
  const base = jupyterBaseUrl();
  if (base !== null) {
    const proxy = await askProxy(base);
    const address = `${location.origin}${base}${service.proxied}`;
    if (proxy === "yes") return made(address, "proxy");
    if (proxy === "login") return made(address, "proxy", "The login at the Jupyter server has ended. Reload this page, log in, and open the link again.");
    return made(service.direct, "direct",
      `This Jupyter server has no jupyter-server-proxy, so the link opens ${service.direct} and works only on this machine. ` +
      "Install it in the environment of the server, then restart the server: `pip install jupyter-server-proxy`");
  }
  if (LOCAL.has(location.hostname)) return made(service.direct, "direct");
  return made(service.direct, "direct",
    `The link opens ${service.direct} and works only on the machine where the experiment runs. ` +
    `From another one, forward the port: \`ssh -L ${service.port}:localhost:${service.port} ${location.hostname || "HOST"}\``);
}

function folder(path) {
  return path.endsWith("/") ? path : `${path}/`;
}
