import java.io.IOException;
import java.net.HttpURLConnection;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Signs in with HttpURLConnection and lists runtime environments. */
public class WithHttpUrlConnection {
    public static void main(String[] arguments) throws IOException {
        HttpURLConnection login = open("https://dm-us.informaticacloud.com/ma/api/v2/user/login");
        login.setRequestProperty("Content-Type", "application/json");
        login.setDoOutput(true);
        String credentials = String.format(
                "{\"@type\":\"login\",\"username\":\"%s\",\"password\":\"%s\"}",
                System.getenv("LATCHKEY_EMULATOR_USER"),
                System.getenv("LATCHKEY_EMULATOR_PASSWORD"));
        login.getOutputStream().write(credentials.getBytes(StandardCharsets.UTF_8));
        String user = read(login);

        HttpURLConnection list = open(field(user, "serverUrl") + "/api/v2/runtimeEnvironment");
        list.setRequestProperty("icSessionId", field(user, "icSessionId"));
        String environments = read(list);
        if (!environments.contains("Agents of the night")) {
            throw new IOException(environments);
        }
    }

    private static HttpURLConnection open(String url) throws IOException {
        return (HttpURLConnection) new URL(url).openConnection();
    }

    private static String read(HttpURLConnection connection) throws IOException {
        return new String(connection.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    }

    private static String field(String json, String name) throws IOException {
        Matcher matcher = Pattern.compile("\"" + name + "\":\"([^\"]+)\"").matcher(json);
        if (!matcher.find()) {
            throw new IOException("no " + name + " in " + json);
        }
        return matcher.group(1);
    }
}
