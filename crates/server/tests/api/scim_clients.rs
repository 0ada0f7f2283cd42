//! The requests that Okta and Entra say they send, in their order and in their forms.

use crate::scim::Client;
use serde_json::{Value, json};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";

fn id(body: &Value) -> String {
    body["id"].as_str().unwrap().to_owned()
}

/// Okta tests the connection, looks for a user, adds it, reads it, changes it by PUT, pushes a group, takes the user out
/// of it and ends its life with `active`.
#[tokio::test]
async fn okta_provisions_a_user_and_pushes_a_group() {
    let client = Client::new().await;
    let test = client.gets("/Users?startIndex=1&count=2").await;
    assert_eq!((test.status.as_u16(), &test.json()["itemsPerPage"]), (200, &2.into()));
    let found = client
        .gets("/Users?filter=userName%20eq%20%22test.user@okta.local%22&startIndex=1&count=100")
        .await
        .json();
    assert_eq!(found["totalResults"], 0);
    let mut user = json!({
        "schemas": [USER], "userName": "test.user@okta.local",
        "name": {"givenName": "Test", "familyName": "User"},
        "emails": [{"primary": true, "value": "test.user@okta.local", "type": "work"}],
        "displayName": "Test User", "locale": "en-US", "externalId": "00ujl29u0le5T6Aj10h7",
        "groups": [], "password": "1mz050nq-x", "active": true
    });
    let made = client.posts("/Users", &user).await;
    assert_eq!(made.status, 201, "{made}");
    let path = format!("/Users/{}", id(&made.json()));
    assert_eq!(client.gets(&path).await.json()["externalId"], "00ujl29u0le5T6Aj10h7");
    user["name"]["givenName"] = "Another".into();
    user["id"] = made.json()["id"].clone();
    user.as_object_mut().unwrap().remove("password");
    let changed = client.puts(&path, &user).await;
    assert_eq!((changed.status.as_u16(), &changed.json()["name"]["givenName"]), (200, &"Another".into()));
    let groups = client.gets("/Groups?startIndex=1&count=100").await.json();
    assert_eq!(groups["totalResults"], 0);
    let member = json!({"value": id(&made.json()), "display": "test.user@okta.local"});
    let group = client
        .posts("/Groups", &json!({"schemas": [GROUP], "displayName": "Test SCIMv2", "members": [member]}))
        .await;
    assert_eq!(group.status, 201, "{group}");
    let group_path = format!("/Groups/{}", id(&group.json()));
    let renamed =
        json!([{"op": "replace", "value": {"id": id(&group.json()), "displayName": "Test SCIMv2 Renamed"}}]);
    assert_eq!(client.patches(&group_path, renamed).await.json()["displayName"], "Test SCIMv2 Renamed");
    let members = json!([
        {"op": "remove", "path": format!("members[value eq \"{}\"]", id(&made.json()))},
        {"op": "add", "path": "members", "value": [member]}
    ]);
    assert_eq!(client.patches(&group_path, members).await.json()["members"].as_array().unwrap().len(), 1);
    let end = json!([{"op": "replace", "value": {"active": false}}]);
    assert_eq!(client.patches(&path, end).await.json()["active"], false);
    assert_eq!(client.deletes(&group_path).await.status, 204);
}

/// Entra tests with a user that nobody has, looks for users by userName and externalId, writes operations with capital
/// letters, flags as words and paths with filters, and asks for groups without their members.
#[tokio::test]
async fn entra_provisions_a_user() {
    let client = Client::new().await;
    let test =
        client.gets("/Users?filter=userName+eq+%22f7ffb4ec-3d93-4ab6-a8f2-6b4d7c9e0f11%22").await.json();
    assert_eq!((&test["totalResults"], &test["Resources"]), (&0.into(), &json!([])));
    let user = json!({
        "schemas": [USER, "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
        "externalId": "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef", "userName": "Test_User_ab6490ee@acme.test", "active": true,
        "addresses": [{"type": "work", "country": "x"}], "displayName": "Test User",
        "emails": [{"primary": true, "type": "work", "value": "Test_User_fd0ea19b@acme.test"}],
        "meta": {"resourceType": "User"}, "name": {"formatted": "given family", "familyName": "family", "givenName": "given"},
        "roles": [], "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "bob"}
    });
    let made = client.posts("/Users", &user).await;
    assert_eq!(made.status, 201, "{made}");
    let path = format!("/Users/{}", id(&made.json()));
    for filter in [
        "externalId+eq+%220a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef%22",
        "emails%5Btype+eq+%22work%22%5D.value+eq+%22test_user_fd0ea19b@acme.test%22",
    ] {
        assert_eq!(
            client.gets(&format!("/Users?filter={filter}")).await.json()["totalResults"],
            1,
            "{filter}"
        );
    }
    let changed = client
        .patches(
            &path,
            json!([
                {"op": "Replace", "path": "emails[type eq \"work\"].value", "value": "updated@acme.test"},
                {"op": "Replace", "path": "name.familyName", "value": "updatedFamilyName"},
                {"op": "Add", "path": "phoneNumbers[type eq \"mobile\"].value", "value": "5550102"},
                {"op": "Replace", "path": "userName", "value": "5b50642d@acme.test"}
            ]),
        )
        .await
        .json();
    assert_eq!(changed["emails"][0]["value"], "updated@acme.test");
    assert_eq!(changed["name"]["familyName"], "updatedFamilyName");
    assert_eq!(changed["phoneNumbers"], json!([{"value": "5550102", "type": "mobile"}]));
    assert_eq!(changed["userName"], "5b50642d@acme.test");
    let disabled =
        client.patches(&path, json!([{"op": "Replace", "path": "active", "value": "False"}])).await;
    assert_eq!(disabled.json()["active"], false);
}

#[tokio::test]
async fn entra_provisions_a_group() {
    let client = Client::new().await;
    let made = client.posts("/Users", &json!({"schemas": [USER], "userName": "test@acme.test"})).await;
    let path = format!("/Users/{}", id(&made.json()));
    let group = json!({"schemas": [GROUP, "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],
        "externalId": "8aa1a0c0-c4c3-4bc0-b4a5-2ef676900159", "displayName": "displayName", "meta": {"resourceType": "Group"}});
    let made_group = client.posts("/Groups", &group).await;
    assert_eq!(made_group.status, 201, "{made_group}");
    let group_path = format!("/Groups/{}", id(&made_group.json()));
    let lean = client
        .gets("/Groups?excludedAttributes=members&filter=displayName+eq+%22displayName%22")
        .await
        .json();
    assert_eq!(lean["totalResults"], 1);
    assert_eq!(client.gets(&format!("{group_path}?excludedAttributes=members")).await.status, 200);
    let member = id(&made.json());
    for (operations, count) in [
        (json!([{"op": "Add", "path": "members", "value": [{"$ref": null, "value": member}]}]), 1),
        (json!([{"op": "Remove", "path": "members", "value": [{"$ref": null, "value": member}]}]), 0),
        (json!([{"op": "Replace", "path": "displayName", "value": "renamed"}]), 0),
    ] {
        let answer = client.patches(&group_path, operations).await.json();
        assert_eq!(answer["members"].as_array().map_or(0, Vec::len), count, "{answer}");
    }
    assert_eq!(client.deletes(&group_path).await.status, 204);
    assert_eq!(client.deletes(&path).await.status, 204);
    assert_eq!(client.gets(&path).await.status, 404);
}
