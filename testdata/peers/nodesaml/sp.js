// A service provider on @node-saml/node-saml. argv: a file with its settings as JSON, see
// saml_nodesaml_e2e_test.go. It signs in whom the identity provider vouches for.
const fs = require("fs");
const http = require("http");
const { SAML } = require("@node-saml/node-saml");

const settings = JSON.parse(fs.readFileSync(process.argv[2], "utf8"));
const asked = new Map(); // the requests that wait for an answer
const cacheProvider = {
  saveAsync: async (key, value) => (asked.set(key, value), { value, createdAt: Date.now() }),
  getAsync: async (key) => asked.get(key) ?? null,
  removeAsync: async (key) => (asked.delete(key) ? key : null),
};
const saml = new SAML({ ...settings.saml, cacheProvider });
// By POST a request is not deflated (SAML Bindings 3.5.4), which has to be asked for here.
const posting = new SAML({
  ...settings.saml, cacheProvider, authnRequestBinding: "HTTP-POST", skipRequestCompression: true,
});

const server = http.createServer(async (request, response) => {
  const url = new URL(request.url, settings.origin);
  try {
    if (url.pathname === "/private/") {
      response.writeHead(302, { Location: await saml.getAuthorizeUrlAsync("", settings.origin, {}) });
      return response.end();
    }
    if (url.pathname === "/post/") {
      return response.end(await posting.getAuthorizeFormAsync(""));
    }
    if (url.pathname === "/acs" && request.method === "POST") {
      let body = "";
      for await (const chunk of request) body += chunk;
      const { profile } = await saml.validatePostResponseAsync(Object.fromEntries(new URLSearchParams(body)));
      response.writeHead(200, { "X-Signed-In": String(profile.uid || profile.nameID) });
      return response.end("behind the door");
    }
    response.writeHead(url.pathname === "/" ? 200 : 404);
    response.end();
  } catch (error) {
    response.writeHead(403);
    response.end(String(error && error.message));
  }
});
const [host, port] = settings.address.split(":");
server.listen(Number(port), host);
