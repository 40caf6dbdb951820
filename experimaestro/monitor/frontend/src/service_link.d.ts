/** What `Service.link()` gives: where a service listens, seen from its machine. */
export interface ServicePlace {
  host: string;
  port: number;
  /** Begins with a slash; may have a query */
  path: string;
  /** What follows the base URL of a Jupyter server that has the proxy */
  proxied: string;
  /** Its address on the machine where it runs */
  direct: string;
  /** The address by the user's template */
  template: string | null;
  /** What lets in; never to be shown or kept */
  query: string;
}

export interface ServiceLink {
  /** For `<a href>`, with what lets in */
  href: string;
  /** For people, without it */
  shown: string;
  via: "template" | "colab" | "proxy" | "direct";
  /** What to do if the link may not work, or "" */
  hint: string;
}

export function jupyterBaseUrl(doc?: Document, path?: string): string | null;
export function askProxy(base: string, ask?: typeof fetch): Promise<"yes" | "no" | "login">;
export function resolve(service: ServicePlace): Promise<ServiceLink>;
