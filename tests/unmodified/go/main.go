// Signs in with net/http and lists the objects of the org.
package main

import (
	"encoding/json"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
)

type signedIn struct {
	Products []struct{ BaseAPIURL string }
	UserInfo struct{ SessionID string }
}

func main() {
	credentials, err := json.Marshal(map[string]string{
		"username": os.Getenv("LATCHKEY_EMULATOR_USER"),
		"password": os.Getenv("LATCHKEY_EMULATOR_PASSWORD"),
	})
	check(err)
	login, err := http.NewRequest("POST", "https://dm-us.informaticacloud.com/saas/public/core/v3/login",
		strings.NewReader(string(credentials)))
	check(err)
	login.Header.Set("Content-Type", "application/json")
	var user signedIn
	check(json.Unmarshal(send(login), &user))

	list, err := http.NewRequest("GET", user.Products[0].BaseAPIURL+"/public/core/v3/objects", nil)
	check(err)
	list.Header.Set("INFA-SESSION-ID", user.UserInfo.SessionID)
	if objects := string(send(list)); !strings.Contains(objects, "Default/nightly_load") {
		log.Fatal(objects)
	}
}

func send(request *http.Request) []byte {
	answer, err := http.DefaultClient.Do(request)
	check(err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	check(err)
	if answer.StatusCode != http.StatusOK {
		log.Fatalf("%s: %s", answer.Status, body)
	}
	return body
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
