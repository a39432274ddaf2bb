package io.ashlar.console;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;
import static org.assertj.core.api.Assertions.assertThat;

import com.microsoft.playwright.Browser;
import com.microsoft.playwright.BrowserContext;
import com.microsoft.playwright.Locator;
import com.microsoft.playwright.Page;
import com.microsoft.playwright.Playwright;
import com.microsoft.playwright.options.AriaRole;
import io.ashlar.access.Actor;
import io.ashlar.access.Role;
import io.ashlar.app.TestServer;
import io.ashlar.catalog.Catalog;
import io.ashlar.identity.ApiKeys;
import io.ashlar.identity.Members;
import io.ashlar.identity.Tenants;
import io.ashlar.quota.Limits;
import io.ashlar.quota.ServiceClasses;
import io.ashlar.scheduler.ServiceClass;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.UUID;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What each page is there for, done in it. */
class TasksTest {
    private static Playwright playwright;
    private static Browser browser;

    private final TestServer server = TestServer.shared();
    private BrowserContext context;
    private Page page;

    @BeforeAll
    static void start() {
        playwright = Browsers.playwright();
        browser = Browsers.open(playwright);
    }

    @AfterAll
    static void stop() {
        if (playwright != null) {
            playwright.close();
        }
    }

    @BeforeEach
    void signIn() {
        context = browser.newContext(new Browser.NewContextOptions().setViewportSize(1440, 900));
        page = context.newPage();
        page.setDefaultTimeout(20_000);
        page.navigate(server.server().consoleUrl());
        Browsers.signIn(page, "admin", server.adminPassword());
    }

    @AfterEach
    void closePage() {
        context.close();
    }

    private Locator button(String name) {
        return page.getByRole(
                AriaRole.BUTTON, new Page.GetByRoleOptions().setName(name).setExact(true));
    }

    private void open(String path) {
        page.navigate(server.server().consoleUrl() + "/" + path);
    }

    private void confirm(String verb) {
        page.getByRole(AriaRole.ALERTDIALOG)
                .getByText(verb, new Locator.GetByTextOptions().setExact(true))
                .click();
    }

    @Test
    void a_model_is_asked_in_the_playground_through_the_door_that_all_use() {
        open("playground/demo");
        page.getByLabel("Message", new Page.GetByLabelOptions().setExact(true)).fill("What is the capital of Japan?");
        button("Send").click();
        assertThat(page.getByText(Pattern.compile("first token after \\d+ ms, \\d+ pieces")))
                .isVisible();
        assertThat(page.locator(".answer").first()).not().isEmpty();
        page.getByText("Python", new Page.GetByTextOptions().setExact(true)).click();
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
        assertThat(page.getByText("prefilled", new Page.GetByTextOptions().setExact(true)))
                .isVisible();
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
        assertThat(page.getByText("Draining", new Page.GetByTextOptions().setExact(true)))
                .isVisible();
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
        page.getByLabel("Name", new Page.GetByLabelOptions().setExact(true)).fill(name);
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
            return page.getByText("demo", new Page.GetByTextOptions().setExact(true))
                            .count()
                    > 0;
        });
        var download =
                page.waitForDownload(() -> page.getByText("Export as CSV").click());
        assertThat(Files.readAllLines(download.path()).getFirst()).startsWith("tenant,requests,failed,");
    }

    @Test
    void a_price_is_set_and_the_theme_chosen() {
        open("settings");
        button("Change the price of demo-brief").click();
        page.getByLabel("Answer", new Page.GetByLabelOptions().setExact(true)).fill("2.5");
        button("Save").click();
        assertThat(page.getByText("2.50")).isVisible();
        assertThat(server.service(Limits.class)
                        .prices(Actor.SYSTEM)
                        .get("demo-brief")
                        .completion())
                .isEqualTo(2_500_000);
        open("profile");
        page.getByText("Dark", new Page.GetByTextOptions().setExact(true)).click();
        TestServer.await(
                "the theme to be kept",
                () -> server.service(Members.class)
                        .byLogin("admin")
                        .orElseThrow()
                        .theme()
                        .equals("dark"));
        page.getByText("System", new Page.GetByTextOptions().setExact(true)).click();
        TestServer.await(
                "the theme to be kept",
                () -> server.service(Members.class)
                        .byLogin("admin")
                        .orElseThrow()
                        .theme()
                        .equals("system"));
    }

    @Test
    void a_class_is_added_changed_and_removed() {
        open("settings");
        button("Add class").click();
        page.getByLabel("Name", new Page.GetByLabelOptions().setExact(true)).fill("Night");
        button("Save").click();
        assertThat(page.getByText("A class's name has 1 to 32 small letters")).isVisible();
        page.getByLabel("Name", new Page.GetByLabelOptions().setExact(true)).fill("night");
        page.getByLabel("Kept for, percent").fill("97.5");
        page.getByLabel("Most that wait").fill("7");
        page.getByText("Its pages may be taken for others").click();
        button("Save").click();
        assertThat(page.getByText("97.5 %")).isVisible();
        ServiceClasses classes = server.service(ServiceClasses.class);
        ServiceClass made = classes.stored(Actor.SYSTEM).stream()
                .filter(c -> c.name().equals("night"))
                .findFirst()
                .orElseThrow();
        org.assertj.core.api.Assertions.assertThat(made)
                .extracting(ServiceClass::percentile, ServiceClass::queueLength, ServiceClass::preemptible)
                .containsExactly(97.5, 7, false);
        button("Change night").click();
        page.screenshot(new Page.ScreenshotOptions().setPath(Path.of("target/console-dialogs/class.png")));
        page.getByLabel("Order").fill("16");
        button("Save").click();
        assertThat(page.getByText("A whole number from 0 to 15.")).isVisible();
        button("Cancel").click();
        button("Remove night").click();
        confirm("Remove");
        assertThat(page.getByText("97.5 %")).hasCount(0);
        button("Remove standard").click();
        confirm("Remove");
        assertThat(page.getByText("is the one that new tenants get")).isVisible();
    }

    @Test
    void a_provider_is_added_and_keeps_what_was_said_of_it() {
        open("settings");
        button("Add provider").click();
        page.getByLabel("Name", new Page.GetByLabelOptions().setExact(true)).fill("acme");
        page.getByLabel("Title").fill("Acme");
        page.getByLabel("Issuer").fill("http://login.acme.example");
        page.getByLabel("Client id").fill("ashlar");
        page.getByLabel("Scopes").fill("profile groups");
        page.getByLabel("User name").fill("upn");
        page.getByLabel("Rules").fill("groups = ops : king");
        button("Save").click();
        assertThat(page.getByText("with one of the roles")).isVisible();
        page.getByLabel("Rules").fill("https://acme.example/groups = urn:ops : platform_viewer");
        button("Save").click();
        assertThat(page.getByText("An issuer is an address with https.")).isVisible();
        page.getByLabel("Issuer").fill("https://login.acme.example");
        button("Save").click();
        assertThat(page.getByText("https://login.acme.example")).isVisible();
        button("Change acme").click();
        assertThat(page.getByLabel("Rules")).hasValue("https://acme.example/groups = urn:ops : platform_viewer");
        assertThat(page.getByLabel("Scopes")).hasValue("profile groups");
        assertThat(page.getByLabel("User name")).hasValue("upn");
        page.screenshot(new Page.ScreenshotOptions().setPath(Path.of("target/console-dialogs/provider.png")));
        button("Cancel").click();
        button("Remove acme").click();
        confirm("Remove");
        assertThat(page.getByText("https://login.acme.example")).hasCount(0);
    }

    @Test
    void a_shared_block_is_opened_and_names_its_models() {
        open("models");
        button("Block 0 of demo-base, shared by 2 models").click();
        assertThat(page.getByText(Pattern.compile("used by demo-base, demo-pirate")))
                .isVisible();
    }

    @Test
    void a_member_gets_another_role_and_password() {
        UUID tenant = server.service(Tenants.class).create("changes-people", Actor.SYSTEM);
        Members members = server.service(Members.class);
        members.create("grace", "long enough words", Role.TENANT_VIEWER, tenant, Actor.SYSTEM);
        open("tenants/changes-people");
        assertThat(page.getByText("grace")).isVisible();
        page.locator(".panel a")
                .getByText("Members", new Locator.GetByTextOptions().setExact(true))
                .click();
        assertThat(button("Change grace")).isVisible();
        assertThat(button("Change admin")).hasCount(0); // only this tenant's
        button("Change grace").click();
        page.getByLabel("Role").click();
        option("tenant administrator").click();
        page.getByLabel("New password").fill("short");
        page.keyboard().press("Enter");
        assertThat(page.getByText("A password has 12 to")).isVisible();
        page.getByLabel("New password").fill("other words, long enough");
        page.screenshot(new Page.ScreenshotOptions().setPath(Path.of("target/console-dialogs/member.png")));
        page.keyboard().press("Enter");
        assertThat(page.getByText("Saved grace.")).isVisible();
        org.assertj.core.api.Assertions.assertThat(
                        members.byLogin("grace").orElseThrow().role())
                .isEqualTo(Role.TENANT_ADMINISTRATOR);
    }

    @Test
    void a_key_of_a_project_is_created() {
        UUID tenant = server.service(Tenants.class).create("has-projects", Actor.SYSTEM);
        open("tenants/has-projects");
        for (String project : List.of("web", "spare")) {
            button("Create project").click();
            page.getByLabel("Name", new Page.GetByLabelOptions().setExact(true)).fill(project);
            page.keyboard().press("Enter");
            assertThat(page.getByText(project, new Page.GetByTextOptions().setExact(true)))
                    .isVisible();
        }
        button("Remove the project spare").click();
        confirm("Remove");
        assertThat(page.getByText("spare", new Page.GetByTextOptions().setExact(true)))
                .hasCount(0);
        open("keys/has-projects");
        button("Create key").click();
        page.getByLabel("Name", new Page.GetByLabelOptions().setExact(true)).fill("site");
        page.getByLabel("Project", new Page.GetByLabelOptions().setExact(true)).click();
        option("web").click();
        button("Create").click();
        assertThat(page.locator("#new-key")).isVisible();
        button("Done").click();
        org.assertj.core.api.Assertions.assertThat(server.service(ApiKeys.class).ofTenant(tenant, Actor.SYSTEM))
                .singleElement()
                .satisfies(key -> org.assertj.core.api.Assertions.assertThat(key.project())
                        .isEqualTo("web"));
    }

    @Test
    void a_limit_of_a_key_for_one_model_is_set_and_changed() {
        UUID tenant = server.service(Tenants.class).create("limited-key", Actor.SYSTEM);
        server.service(Catalog.class).grant(tenant, "demo-base", Actor.SYSTEM);
        ApiKeys keys = server.service(ApiKeys.class);
        keys.create(tenant, "ci", null, Actor.SYSTEM);
        open("tenants/limited-key");
        button("Set a limit").click();
        page.getByLabel("What is counted").click();
        option("money per month").click();
        page.getByLabel("Amount").fill("12.5");
        page.getByLabel("Warns at, percent").fill("90, often");
        page.getByLabel("Of", new Page.GetByLabelOptions().setExact(true)).fill("the key ci");
        option("the key ci").click();
        page.getByLabel("For", new Page.GetByLabelOptions().setExact(true)).fill("demo-b");
        option("demo-base").click();
        button("Set").click();
        assertThat(page.getByText("Whole numbers from 1 to 100")).isVisible();
        page.getByLabel("Warns at, percent").fill("90, 50");
        page.screenshot(new Page.ScreenshotOptions().setPath(Path.of("target/console-dialogs/limit.png")));
        button("Set").click();
        assertThat(page.getByText("12.50 of money per month")).isVisible();
        org.assertj.core.api.Assertions.assertThat(server.service(Limits.class).ofTenant(tenant, Actor.SYSTEM))
                .singleElement()
                .satisfies(limit -> org.assertj.core.api.Assertions.assertThat(
                                List.of(limit.key(), limit.model(), limit.amount(), limit.warnPercent()))
                        .containsExactly(
                                keys.ofTenant(tenant, Actor.SYSTEM).getFirst().id(),
                                "demo-base",
                                12_500_000L,
                                List.of(50, 90)));
        page.getByText("Change", new Page.GetByTextOptions().setExact(true))
                .last()
                .click();
        page.getByLabel("Amount").fill("20");
        button("Set").click();
        assertThat(page.getByText("20.00 of money per month")).isVisible();
        assertThat(page.getByText("12.50")).hasCount(0);
    }

    private com.microsoft.playwright.Locator option(String text) {
        return page.getByRole(AriaRole.OPTION, new Page.GetByRoleOptions().setName(text))
                .first();
    }

    @Test
    void a_limit_is_set_with_the_keyboard_only() {
        UUID tenant = server.service(Tenants.class).create("limited-by-keys", Actor.SYSTEM);
        open("tenants/limited-by-keys");
        assertThat(button("Set a limit")).isVisible();
        for (int i = 0;
                i < 60 && !Boolean.TRUE.equals(page.evaluate("document.activeElement.textContent === 'Set a limit'"));
                i++) {
            page.keyboard().press("Tab");
        }
        page.keyboard().press("Enter");
        assertThat(page.getByLabel("Amount")).isVisible();
        for (int i = 0;
                i < 20 && !Boolean.TRUE.equals(page.evaluate("document.activeElement.type === 'number'"));
                i++) {
            page.keyboard().press("Tab");
        }
        page.keyboard().type("5000");
        for (int i = 0;
                i < 20 && !Boolean.TRUE.equals(page.evaluate("document.activeElement.textContent === 'Set'"));
                i++) {
            page.keyboard().press("Tab");
        }
        page.keyboard().press("Enter");
        assertThat(page.getByText("5,000")).isVisible();
        assertThat(server.service(Limits.class).ofTenant(tenant, Actor.SYSTEM)).hasSize(1);
    }
}
