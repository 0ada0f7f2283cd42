// A SAML identity provider that is not ours: npm's samlp, behind a page on which somebody says who they are.
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import express from "express";
import samlp from "samlp";

export const ISSUER = "https://idp.other.test/metadata";

const [cert, key] = ["tls.crt", "tls.key"].map((name) => readFileSync(`${process.env.FOLDER}/${name}`, "utf8"));
const [signingCert, signingKey] = ["idp.crt", "idp.key"].map((name) => readFileSync(`${process.env.FOLDER}/${name}`, "utf8"));
export const CERTIFICATE = signingCert;

const text = (value) => String(value).replace(/[&<>"]/g, (letter) => `&#${letter.charCodeAt(0)};`);

function askWho(method, fields) {
  const hidden = Object.entries(fields).map(([name, value]) => `<input type="hidden" name="${text(name)}" value="${text(value)}">`);
  return `<!doctype html><html lang="en"><head><title>Who?</title><link rel="icon" href="data:,"></head>
    <form method="${method}" action="/done">${hidden.join("")}<input id="who" name="who"><button id="send">Send</button></form>`;
}

/** Starts it for one service provider, whose certificate it checks every request with. */
export async function start({ entityId, acs, certificate }) {
  const app = express();
  app.use(express.urlencoded({ extended: false }));
  const said = (request) => ({ ...request.query, ...request.body });
  const person = (request) => {
    const who = said(request).who;
    return { id: who, emails: [{ value: `${who}@other.test` }], name: { givenName: "Grace", familyName: "Hopper" }, displayName: who };
  };
  const requests = [];
  const options = {
    issuer: ISSUER,
    cert: signingCert,
    key: signingKey,
    recipient: acs,
    destination: acs,
    getUserFromRequest: person,
    getPostURL: (_audience, _request, _http, done) => done(null, acs),
  };
  app.get("/favicon.ico", (_request, response) => response.status(204).end());
  app.get("/sso", (request, response) => response.send(askWho("get", request.query)));
  app.post("/sso", (request, response) => response.send(askWho("post", request.body)));
  app.all("/done", (request, _response, next) => (requests.push(said(request)), next()));
  app.all("/done", samlp.auth({ ...options, signingCert: certificate }));
  // It begins by itself; this one signs the response too.
  app.get("/start", samlp.auth({ ...options, audience: entityId, signResponse: true }));
  // The very message that a browser would carry, for a program.
  const hand = (message, _options, _request, response) => response.send(message.toString("base64"));
  app.get("/token", samlp.auth({ ...options, audience: entityId, responseHandler: hand }));
  app.use((error, _request, response, _next) => response.status(400).send(`the provider refuses: ${error.message}`));
  const server = createServer({ cert, key }, app);
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address();
  return { url: `https://idp.other.test:${port}`, here: `https://127.0.0.1:${port}`, requests, end: () => (server.closeAllConnections(), server.close()) };
}
