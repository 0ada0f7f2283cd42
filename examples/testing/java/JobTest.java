import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;

/** What the job does when its session ends and when its password is wrong. With JUnit, each method is a @Test. */
public class JobTest {
    static final String EMULATOR = System.getenv("LATCHKEY_EMULATOR_URL") + "/_emulator/";
    static final String USER = System.getenv("LATCHKEY_EMULATOR_USER");
    static final String PASSWORD = System.getenv("LATCHKEY_EMULATOR_PASSWORD");
    static final String LOGIN = "/ma/api/v2/user/login";
    static final String TASKS = "/saas/api/v2/task";
    static final HttpClient HTTP = HttpClient.newHttpClient();

    static void signsInAgainWhenHalfAnHourHasGoneBy() throws Exception {
        Job job = new Job(USER, PASSWORD);
        check(job.tasks().contains("nightly"), "the first half of the job");
        post("clock", "{\"advance\":\"31m\"}");
        check(job.tasks().contains("nightly"), "the second half of the job");
        check(count("path=" + TASKS + "&status=401") == 1, "one call found the session ended");
        check(count("path=" + LOGIN + "&status=200") == 2, "two sign-ins");
    }

    static void aSessionMayEndAtAnyCall() throws Exception {
        post("faults", "{\"script\":\"expire-mid-job\"}"); // every fourth call
        Job job = new Job(USER, PASSWORD);
        for (int call = 0; call < 10; call++) check(job.tasks().contains("nightly"), "call " + call);
        check(count("path=" + TASKS + "&status=200") == 10, "ten answers");
    }

    static void aRefusedPasswordIsSentOnce() throws Exception {
        Job job = new Job(USER, "wrong");
        for (int call = 0; call < 3; call++) {
            try {
                job.tasks();
                check(false, "a wrong password is refused");
            } catch (Job.Refused expected) { /* The reason is the service's own sentence. */ }
        }
        check(count("path=" + LOGIN + "&status=4xx") == 1, "one sign-in");
    }

    public static void main(String[] arguments) throws Exception {
        signsInAgainWhenHalfAnHourHasGoneBy();
        post("reset", "");
        aSessionMayEndAtAnyCall();
        post("reset", "");
        aRefusedPasswordIsSentOnce();
        System.out.println("3 tests passed");
    }

    static String post(String path, String body) throws Exception {
        return ask(HttpRequest.newBuilder(URI.create(EMULATOR + path)).POST(BodyPublishers.ofString(body)));
    }

    static int count(String query) throws Exception {
        String reply = ask(HttpRequest.newBuilder(URI.create(EMULATOR + "requests/count?" + query)));
        return Integer.parseInt(reply.replaceAll("\\D", ""));
    }

    static String ask(HttpRequest.Builder request) throws Exception {
        var reply = HTTP.send(request.build(), BodyHandlers.ofString());
        check(reply.statusCode() == 200, reply.body());
        return reply.body();
    }

    static void check(boolean holds, String what) {
        if (!holds) throw new AssertionError(what);
    }
}
