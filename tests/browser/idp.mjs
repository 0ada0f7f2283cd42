// A SAML identity provider that is not ours: npm's samlp, behind a page on which somebody says who they are.
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import express from "express";
import samlp from "samlp";
import SessionParticipants from "samlp/lib/sessionParticipants/index.js";

export const ISSUER = "https://idp.other.test/metadata";

const [cert, key] = ["tls.crt", "tls.key"].map((name) => readFileSync(`${process.env.FOLDER}/${name}`, "utf8"));
const [signingCert, signingKey] = ["idp.crt", "idp.key"].map((name) => readFileSync(`${process.env.FOLDER}/${name}`, "utf8"));
export const CERTIFICATE = signingCert;

const text = (value) => String(value).replace(/[&<>"]/g, (letter) => `&#${letter.charCodeAt(0)};`);

const page = (body) => `<!doctype html><html lang="en"><head><title>Provider</title><link rel="icon" href="data:,"></head>${body}`;

function askWho(method, fields) {
  const hidden = Object.entries(fields).map(([name, value]) => `<input type="hidden" name="${text(name)}" value="${text(value)}">`);
  return page(`<form method="${method}" action="/done">${hidden.join("")}<input id="who" name="who"><button id="send">Send</button></form>`);
}

/** Sessions of its own, each known by a cookie that a browser also sends along when a page of another site posts here. */
class Sessions {
  #open = new Map();

  find(request) {
    const [, id] = /(?:^|; )SESSION=([^;]+)/.exec(request.headers.cookie ?? "") ?? [];
    return this.#open.get(id);
  }

  begin(response, who) {
    const session = { id: randomUUID(), who, index: `_${randomUUID()}`, participants: [] };
    this.#open.set(session.id, session);
    response.cookie("SESSION", session.id, { httpOnly: true, secure: true, sameSite: "none" });
    return session;
  }

  end({ id }) {
    this.#open.delete(id);
  }

  /** How many somebody has, in all browsers. */
  count(who) {
    return [...this.#open.values()].filter((session) => session.who === who).length;
  }
}

/** Starts it for one service provider, whose certificate it checks every message with. */
export async function start({ entityId, acs, slo, certificate }) {
  const app = express();
  const sessions = new Sessions();
  app.use(express.urlencoded({ extended: false }));
  app.use((request, _response, next) => {
    request.body ??= {};
    request.session = sessions.find(request);
    next();
  });
  const said = (request) => ({ ...request.query, ...request.body });
  const person = (request) => {
    const who = request.session?.who ?? said(request).who;
    return { id: who, emails: [{ value: `${who}@other.test` }], name: { givenName: "Grace", familyName: "Hopper" }, displayName: who };
  };
  const options = {
    issuer: ISSUER,
    cert: signingCert,
    key: signingKey,
    recipient: acs,
    destination: acs,
    getUserFromRequest: person,
    getPostURL: (_audience, _request, _http, done) => done(null, acs),
  };
  /** Signs whoever has a session in, and remembers whom to tell when it ends. */
  const answer = (request, response, next) => {
    const { who, index, participants } = request.session;
    const participant = { serviceProviderId: entityId, sessionIndex: index, nameId: who, serviceProviderLogoutURL: slo, cert: certificate };
    participants.splice(0, participants.length, participant);
    samlp.auth({ ...options, sessionIndex: index, signingCert: certificate })(request, response, next);
  };
  app.get("/favicon.ico", (_request, response) => response.status(204).end());
  app.all("/sso", (request, response, next) => {
    if (request.session) return answer(request, response, next);
    response.send(askWho(request.method.toLowerCase(), said(request)));
  });
  app.all("/done", (request, response, next) => {
    request.session = sessions.begin(response, said(request).who);
    answer(request, response, next);
  });
  app.get("/me", (request, response) => response.send(page(`<p id="me">${text(request.session?.who ?? "nobody")}</p>`)));
  // A single logout: begun by us, by the service, or on its way back.
  app.all("/slo/:binding", (request, response, next) => {
    const { session } = request;
    const binding = `urn:oasis:names:tc:SAML:2.0:bindings:${request.params.binding}`;
    const clearIdPSession = (done) => (session && sessions.end(session), done());
    const sessionParticipants = new SessionParticipants(session?.participants);
    samlp.logout({ issuer: ISSUER, cert: signingCert, key: signingKey, deflate: true, protocolBinding: binding, sessionParticipants, clearIdPSession })(request, response, next);
  });
  // It begins by itself; this one signs the response too.
  app.get("/start", samlp.auth({ ...options, audience: entityId, signResponse: true }));
  // The very message that a browser would carry, for a program.
  const hand = (message, _options, _request, response) => response.send(message.toString("base64"));
  app.get("/token", samlp.auth({ ...options, audience: entityId, responseHandler: hand }));
  app.use((error, _request, response, _next) => response.status(400).send(`the provider refuses: ${error.message}`));
  const server = createServer({ cert, key }, app);
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address();
  return {
    url: `https://idp.other.test:${port}`,
    here: `https://127.0.0.1:${port}`,
    sessions: (who) => sessions.count(who),
    end: () => (server.closeAllConnections(), server.close()),
  };
}
