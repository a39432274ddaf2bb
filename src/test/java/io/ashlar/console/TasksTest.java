package io.ashlar.console;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;
import static org.assertj.core.api.Assertions.assertThat;

import com.microsoft.playwright.Page;
import com.microsoft.playwright.options.AriaRole;
import io.ashlar.access.Actor;
import io.ashlar.app.TestServer;
import io.ashlar.catalog.Catalog;
import io.ashlar.identity.Tenants;
import java.nio.file.Files;
import java.util.UUID;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** What each page is there for, done in it. */
class TasksTest extends InConsole {
    @Test
    void a_model_is_asked_in_the_playground_through_the_door_that_all_use() {
        open("playground/demo");
        field("Message").fill("What is the capital of Japan?");
        button("Send").click();
        assertThat(page.getByText(Pattern.compile("first token after \\d+ ms, \\d+ pieces")))
                .isVisible();
        assertThat(page.locator(".answer").first()).not().isEmpty();
        text("Python").click();
        assertThat(page.getByText("from openai import OpenAI")).isVisible();
        open("keys/demo");
        assertThat(page.getByText("playground of admin").first()).isVisible();
    }

    @Test
    void a_request_s_timeline_tells_what_happened() {
        server.chat(server.apiKey(), "\"max_tokens\":5");
        open("requests");
        page.getByRole(AriaRole.BUTTON, new Page.GetByRoleOptions().setName(Pattern.compile("Timeline of .*")))
                .first()
                .click();
        assertThat(page.getByLabel("The request's time from arrival to end")).isVisible();
        assertThat(text("prefilled")).isVisible();
    }

    @Test
    void a_deployment_is_created_drained_and_deleted() {
        String name = "serves-" + UUID.randomUUID().toString().substring(0, 6);
        server.service(Catalog.class).create(name, "demo-draft", false, null, Actor.SYSTEM);
        UUID tenant = server.service(Tenants.class).create("t-" + name, Actor.SYSTEM);
        server.service(Catalog.class).grant(tenant, name, Actor.SYSTEM);
        String key = server.service(io.ashlar.identity.ApiKeys.class).create(tenant, "k", null, Actor.SYSTEM);
        String body = "{\"model\":\"" + name + "\",\"prompt\":\"a\",\"max_tokens\":1}";
        TestServer.await(
                "it to serve", () -> server.post("/v1/completions", key, body).statusCode() == 200);
        open("deployments");
        button("Drain " + name).click();
        confirm("Drain");
        assertThat(text("Draining")).isVisible();
        TestServer.await(
                "requests to be refused",
                () -> server.post("/v1/completions", key, body).statusCode() == 503);
        button("Resume " + name).click();
        TestServer.await(
                "it to serve again",
                () -> server.post("/v1/completions", key, body).statusCode() == 200);
        button("Delete " + name).click();
        confirm("Delete");
        TestServer.await(
                "it to be gone", () -> server.post("/v1/completions", key, body).statusCode() == 404);
    }

    @Test
    void an_upstream_is_added_answers_and_is_seen_to_be_down() {
        String name = "up-" + UUID.randomUUID().toString().substring(0, 8);
        open("deployments");
        button("Add upstream").click();
        field("Name").fill(name);
        page.getByLabel("Address of its API").fill("not an address");
        page.getByLabel("What it calls the model").fill("demo-base");
        button("Add").click();
        assertThat(page.getByText("is where the other server's API is")).isVisible();
        page.getByLabel("Address of its API").fill(server.apiUrl() + "/v1");
        page.getByLabel("Key that it wants").fill(server.newKey("t-" + name, "demo-base"));
        button("Add").click();
        assertThat(page.getByText(name, new Page.GetByTextOptions().setExact(true))
                        .first())
                .isVisible();
        TestServer.await(
                "it answers",
                () -> server.get("/admin/v1/serving", server.adminKey())
                        .body()
                        .contains("\"" + name + "\",\"state\":\"up\""));
        button("Change " + name).click();
        assertThat(page.getByText("Empty leaves the key as it is.")).isVisible();
        page.getByLabel("Address of its API").fill("http://127.0.0.1:9/v1");
        button("Save").click();
        assertThat(page.getByText("Down").first()).isVisible();
        open("");
        assertThat(page.getByText("The server of " + name)).isVisible();
        open("deployments");
        assertThat(button("Change " + name)).isVisible();
        server.service(Catalog.class).delete(name, Actor.SYSTEM);
        assertThat(button("Change " + name)).hasCount(0); // an open page follows what others do
    }

    @Test
    void usage_is_shown_and_exported() throws Exception {
        server.chat(server.apiKey(), "\"max_tokens\":2");
        TestServer.await("the ledger", () -> {
            open("usage");
            page.waitForTimeout(300);
            return text("demo").count() > 0;
        });
        var download =
                page.waitForDownload(() -> page.getByText("Export as CSV").click());
        assertThat(Files.readAllLines(download.path()).getFirst()).startsWith("tenant,requests,failed,");
    }

    @Test
    void a_shared_block_is_opened_and_names_its_models() {
        open("models");
        button("Block 0 of demo-base, shared by 2 models").click();
        assertThat(page.getByText(Pattern.compile("used by demo-base, demo-pirate")))
                .isVisible();
    }
}
