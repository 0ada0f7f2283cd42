import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Signs in with java.net.http and lists the objects of the org. */
public class WithHttpClient {
    private static final HttpClient CLIENT = HttpClient.newHttpClient();

    public static void main(String[] arguments) throws Exception {
        String credentials = String.format(
                "{\"username\":\"%s\",\"password\":\"%s\"}",
                System.getenv("LATCHKEY_EMULATOR_USER"),
                System.getenv("LATCHKEY_EMULATOR_PASSWORD"));
        String login = send(request("https://dm-us.informaticacloud.com/saas/public/core/v3/login")
                .header("Content-Type", "application/json")
                .POST(BodyPublishers.ofString(credentials)));
        String objects = send(request(field(login, "baseApiUrl") + "/public/core/v3/objects")
                .header("INFA-SESSION-ID", field(login, "sessionId")));
        if (!objects.contains("Default/nightly_load")) {
            throw new IOException(objects);
        }
    }

    private static HttpRequest.Builder request(String url) {
        return HttpRequest.newBuilder(URI.create(url));
    }

    private static String send(HttpRequest.Builder request) throws Exception {
        return CLIENT.send(request.build(), BodyHandlers.ofString()).body();
    }

    private static String field(String json, String name) throws IOException {
        Matcher matcher = Pattern.compile("\"" + name + "\":\"([^\"]+)\"").matcher(json);
        if (!matcher.find()) {
            throw new IOException("no " + name + " in " + json);
        }
        return matcher.group(1);
    }
}
