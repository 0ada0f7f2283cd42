"""Lists the tasks of the org. This is the program under test: it knows nothing of an emulator."""

import time

import requests

LOGIN = "https://dm-us.informaticacloud.com/saas/public/core/v3/login"


class Refused(Exception):
    """User or password is wrong. Every further try would bring the account closer to its lock."""


class Job:
    def __init__(self, user, password):
        self.account = {"username": user, "password": password}
        self.base = self.session = self.refusal = None

    def tasks(self):
        return [task["name"] for task in self.get("/api/v2/task")]

    def get(self, path):
        if not self.session:
            self.sign_in()
        reply = self.send(path)
        if reply.status_code == 401:  # the session has ended: sign in again, but only once
            self.sign_in()
            reply = self.send(path)
        reply.raise_for_status()
        return reply.json()

    def send(self, path):
        headers = {"INFA-SESSION-ID": self.session}
        reply = requests.get(self.base + path, headers=headers, timeout=30)
        if reply.status_code == 429:
            time.sleep(int(reply.headers.get("Retry-After", 5)))
            reply = requests.get(self.base + path, headers=headers, timeout=30)
        return reply

    def sign_in(self):
        if self.refusal:
            raise Refused(self.refusal)
        reply = requests.post(LOGIN, json=self.account, timeout=30)
        if reply.status_code in (400, 401, 403):
            self.refusal = reply.json()["error"]["message"]
            raise Refused(self.refusal)
        reply.raise_for_status()
        signed_in = reply.json()
        self.base = signed_in["products"][0]["baseApiUrl"]
        self.session = signed_in["userInfo"]["sessionId"]
