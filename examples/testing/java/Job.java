import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Lists the tasks of the org. This is the program under test: it knows nothing of an emulator. */
public class Job {
    private static final URI LOGIN = URI.create("https://dm-us.informaticacloud.com/ma/api/v2/user/login");

    /** User or password is wrong. Every further try would bring the account closer to its lock. */
    public static class Refused extends RuntimeException {
        Refused(String reason) {
            super(reason);
        }
    }

    private final HttpClient http = HttpClient.newHttpClient();
    private final String account;
    private String base, session, refusal;

    public Job(String user, String password) {
        account = "{\"@type\":\"login\",\"username\":\"%s\",\"password\":\"%s\"}".formatted(user, password);
    }

    public String tasks() throws IOException, InterruptedException {
        if (session == null) signIn();
        HttpResponse<String> reply = send("/api/v2/task");
        if (reply.statusCode() == 401) { // the session has ended: sign in again, but only once
            signIn();
            reply = send("/api/v2/task");
        }
        if (reply.statusCode() != 200) throw new IOException("tasks: " + reply.statusCode());
        return reply.body();
    }

    private HttpResponse<String> send(String path) throws IOException, InterruptedException {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(base + path)).header("icSessionId", session);
        return http.send(request.build(), BodyHandlers.ofString());
    }

    private void signIn() throws IOException, InterruptedException {
        if (refusal != null) throw new Refused(refusal);
        HttpRequest.Builder request = HttpRequest.newBuilder(LOGIN).header("Content-Type", "application/json");
        HttpResponse<String> reply =
                http.send(request.POST(BodyPublishers.ofString(account)).build(), BodyHandlers.ofString());
        switch (reply.statusCode()) {
            case 200 -> { base = field("serverUrl", reply.body()); session = field("icSessionId", reply.body()); }
            case 400, 401, 403 -> throw new Refused(refusal = field("description", reply.body()));
            default -> throw new IOException("sign-in: " + reply.statusCode());
        }
    }

    private static String field(String name, String json) { // stands for the JSON library of your choice
        Matcher field = Pattern.compile("\"" + name + "\":\"([^\"]*)\"").matcher(json);
        return field.find() ? field.group(1) : "";
    }
}
