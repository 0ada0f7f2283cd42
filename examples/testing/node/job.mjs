// Lists the tasks of the org. This is the program under test: it knows nothing of an emulator.
import { setTimeout as pause } from "node:timers/promises";

const LOGIN = "https://dm-us.informaticacloud.com/saas/public/core/v3/login";

/** User or password is wrong. Every further try would bring the account closer to its lock. */
export class Refused extends Error {}

export class Job {
  constructor(username, password) {
    this.account = { username, password };
  }

  async tasks() {
    const tasks = await this.get("/api/v2/task");
    return tasks.map((task) => task.name);
  }

  async get(path) {
    if (!this.session) await this.signIn();
    let reply = await this.send(path);
    if (reply.status === 401) {
      // The session has ended: sign in again, but only once.
      await this.signIn();
      reply = await this.send(path);
    }
    if (!reply.ok) throw new Error(`${path}: ${reply.status}`);
    return reply.json();
  }

  async send(path) {
    const ask = () => fetch(this.base + path, { headers: { "INFA-SESSION-ID": this.session } });
    const reply = await ask();
    if (reply.status !== 429) return reply;
    await pause(1000 * (reply.headers.get("Retry-After") ?? 5));
    return ask();
  }

  async signIn() {
    if (this.refusal) throw new Refused(this.refusal);
    const headers = { "Content-Type": "application/json" };
    const reply = await fetch(LOGIN, { method: "POST", headers, body: JSON.stringify(this.account) });
    if ([400, 401, 403].includes(reply.status)) {
      this.refusal = (await reply.json()).error.message;
      throw new Refused(this.refusal);
    }
    if (!reply.ok) throw new Error(`sign-in: ${reply.status}`);
    const signedIn = await reply.json();
    this.base = signedIn.products[0].baseApiUrl;
    this.session = signedIn.userInfo.sessionId;
  }
}
