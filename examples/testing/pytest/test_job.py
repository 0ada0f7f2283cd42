"""What the job does when its session ends, when it asks too often, and when its password is wrong."""

import time

import pytest
from job import Job, Refused

LOGIN = "/saas/public/core/v3/login"
TASKS = "/saas/api/v2/task"


@pytest.fixture
def job(idmc):
    idmc.stub("GET", TASKS, json=[{"id": "0001", "name": "nightly"}])
    return Job("admin", idmc.users["admin"].password)


def test_it_signs_in_again_when_half_an_hour_has_gone_by(idmc, job):
    assert job.tasks() == ["nightly"]
    idmc.clock.advance("31m")
    assert job.tasks() == ["nightly"]
    idmc.assert_requested(path=TASKS, status=401, times=1)
    idmc.assert_requested(path=LOGIN, status=200, times=2)


def test_a_session_may_end_at_any_call(idmc, job):
    idmc.faults.script("expire-mid-job")  # every fourth call
    assert [job.tasks() for _ in range(10)] == [["nightly"]] * 10
    idmc.assert_requested(path=TASKS, status=200, times=10)


def test_it_waits_as_long_as_it_is_told(idmc, job, monkeypatch):
    pauses = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    idmc.faults.add({"status": 429, "retry_after": "20s"}, path=TASKS, nth=1)
    assert job.tasks() == ["nightly"]
    assert pauses == [20]
    idmc.assert_requested(path=LOGIN, times=1)


def test_a_refused_password_is_sent_once(idmc):
    job = Job("admin", "wrong")
    for _ in range(3):
        with pytest.raises(Refused, match="not valid"):
            job.tasks()
    idmc.assert_requested(path=LOGIN, status="4xx", times=1)
