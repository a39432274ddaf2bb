package io.ashlar.console;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;
import static io.ashlar.app.TestServer.await;
import static org.assertj.core.api.Assertions.assertThat;

import com.microsoft.playwright.Browser;
import com.microsoft.playwright.BrowserContext;
import com.microsoft.playwright.Locator;
import com.microsoft.playwright.Page;
import com.microsoft.playwright.Playwright;
import com.microsoft.playwright.options.AriaRole;
import io.ashlar.access.Actor;
import io.ashlar.app.TestServer;
import io.ashlar.audit.AuditLog;
import io.ashlar.audit.Change;
import io.ashlar.identity.ApiKeys;
import io.ashlar.identity.Tenants;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.springframework.jdbc.core.simple.JdbcClient;

/** The console in a real browser. Screenshots go to target/screenshots. */
class ConsoleTest {
    private static final Path SCREENSHOTS = Path.of("target/screenshots");

    private static Playwright playwright;
    private static Browser browser;

    private final TestServer server = TestServer.shared();
    private BrowserContext context;
    private Page page;

    @BeforeAll
    static void openBrowser() {
        playwright = Browsers.playwright();
        browser = Browsers.open(playwright);
    }

    @AfterAll
    static void closeBrowser() {
        if (playwright != null) {
            playwright.close();
        }
    }

    @BeforeEach
    void openPage() {
        context = browser.newContext(new Browser.NewContextOptions().setViewportSize(1440, 900));
        page = context.newPage();
        page.setDefaultTimeout(20_000);
        page.navigate(server.server().consoleUrl());
    }

    @AfterEach
    void closePage() {
        context.close();
    }

    private void signIn() {
        Browsers.signIn(page, "admin", server.adminPassword());
        assertThat(heading("Overview")).isVisible();
    }

    private Locator button(String name) {
        return page.getByRole(
                AriaRole.BUTTON, new Page.GetByRoleOptions().setName(name).setExact(true));
    }

    private Locator heading(String name) {
        return page.getByRole(
                AriaRole.HEADING, new Page.GetByRoleOptions().setName(name).setExact(true));
    }

    private void go(String name) {
        page.getByRole(AriaRole.LINK, new Page.GetByRoleOptions().setName(name)).click();
        assertThat(heading(name)).isVisible();
    }

    private void shot(String name) {
        page.screenshot(new Page.ScreenshotOptions().setPath(SCREENSHOTS.resolve(name + ".png")));
    }

    @Test
    void a_wrong_password_is_told_and_lets_nobody_in() {
        page.getByLabel("User name").fill("admin");
        page.locator("input[name=password]").fill("wrong");
        button("Sign in").click();
        assertThat(page.getByText("User name, password or code is wrong")).isVisible();
        shot("login-wrong");
        page.navigate(server.server().consoleUrl() + "/tenants");
        assertThat(button("Sign in")).isVisible();
    }

    @Test
    void the_overview_shows_what_is_served() {
        shot("login");
        signIn();
        for (String model : List.of("demo-base", "demo-brief", "demo-draft", "demo-pirate")) {
            assertThat(page.getByText(model, new Page.GetByTextOptions().setExact(true)))
                    .isVisible();
        }
        assertThat(page.getByText("Weights held")).isVisible();
        page.waitForTimeout(2500);
        shot("overview");
        page.setViewportSize(390, 844);
        shot("overview-390");
    }

    @Test
    void a_tenant_is_created_given_a_key_suspended_and_its_key_revoked() {
        signIn();
        go("Tenants");
        button("Create tenant").click();
        page.getByLabel("Name").fill("Not A Name");
        button("Create").click();
        assertThat(page.getByText("A tenant's name has 1 to 63 small letters")).isVisible();
        shot("tenant-create-wrong");
        page.getByLabel("Name").fill("acme");
        button("Create").click();
        // One dialog from nothing to a key that works.
        String first = page.locator("#new-key").textContent();
        org.assertj.core.api.Assertions.assertThat(
                        server.chat(first, "\"max_tokens\":1").statusCode())
                .isEqualTo(200);
        button("Done").click();
        assertThat(page.getByText("acme", new Page.GetByTextOptions().setExact(true)))
                .isVisible();
        shot("tenants");

        page.navigate(server.server().consoleUrl() + "/keys/acme");
        assertThat(page.getByText("first key")).isVisible();
        button("Create key").click();
        page.getByLabel("Name").fill("ci");
        button("Create").click();
        String secret = page.locator("#new-key").textContent();
        org.assertj.core.api.Assertions.assertThat(secret).startsWith("ash_");
        shot("key-created");
        button("Done").click();
        assertThat(page.locator("#new-key")).hasCount(0);
        assertThat(page.getByText("ci", new Page.GetByTextOptions().setExact(true)))
                .isVisible();
        shot("keys");
        assertThat(server.chat(secret, "\"max_tokens\":1").statusCode()).isEqualTo(200);

        page.navigate(server.server().consoleUrl() + "/tenants/acme");
        button("Suspend").click();
        page.getByRole(AriaRole.ALERTDIALOG)
                .getByText("Suspend", new Locator.GetByTextOptions().setExact(true))
                .click();
        assertThat(page.getByText("Suspended", new Page.GetByTextOptions().setExact(true)))
                .isVisible();
        await("the key to be refused", () -> server.get("/v1/models", secret).statusCode() == 403);
        button("Resume").click();
        await("the key to be let in", () -> server.get("/v1/models", secret).statusCode() == 200);

        page.navigate(server.server().consoleUrl() + "/keys/acme");
        button("Revoke ci").click();
        page.getByRole(AriaRole.ALERTDIALOG)
                .getByText("Revoke", new Locator.GetByTextOptions().setExact(true))
                .click();
        assertThat(page.getByText("Revoked", new Page.GetByTextOptions().setExact(true)))
                .isVisible();
        await("the key to be refused", () -> server.get("/v1/models", secret).statusCode() == 401);

        List<String> audit = server.service(JdbcClient.class)
                .sql("select action from audit_record where actor = 'admin' order by id")
                .query(String.class)
                .list();
        org.assertj.core.api.Assertions.assertThat(audit)
                .contains("tenant.create", "key.create", "tenant.suspend", "tenant.resume", "key.revoke");
    }

    @Test
    void the_audit_page_shows_who_changed_what_and_gives_it_as_a_table() throws Exception {
        server.service(Tenants.class).create("audited", Actor.administrator("carol", "10.1.2.3"));
        AuditLog log = server.service(AuditLog.class);
        for (int i = 0; i < 120; i++) {
            log.record(
                    Actor.administrator("machine", ""),
                    "grant.create",
                    "many-" + i,
                    Change.made(null, Map.of("deployment", "demo-base")));
        }
        signIn();
        go("Audit");
        assertThat(page.getByText("many-119", new Page.GetByTextOptions().setExact(true)))
                .isVisible();
        assertThat(button("Show older")).isVisible();
        shot("audit");
        page.getByLabel("Who", new Page.GetByLabelOptions().setExact(true)).fill("carol");
        assertThat(page.getByText("audited", new Page.GetByTextOptions().setExact(true))
                        .first())
                .isVisible();
        assertThat(page.getByText("10.1.2.3")).isVisible();
        assertThat(page.getByText("many-119", new Page.GetByTextOptions().setExact(true)))
                .isHidden();
        assertThat(button("Show older")).isHidden();
        var download =
                page.waitForDownload(() -> page.getByText("Export as CSV").click());
        List<String> lines = Files.readAllLines(download.path());
        org.assertj.core.api.Assertions.assertThat(lines).hasSize(2);
        org.assertj.core.api.Assertions.assertThat(lines.get(1)).contains("carol", "tenant.create", "audited");
        page.getByLabel("To whom").fill("no such thing");
        assertThat(page.getByText("Nothing found")).isVisible();
        page.setViewportSize(390, 844);
        shot("audit-390");
    }

    @Test
    void what_a_tenant_may_use_is_changed() {
        var tenant = server.service(Tenants.class).create("chooser", Actor.SYSTEM);
        String key = server.service(ApiKeys.class).create(tenant, "k", null, Actor.SYSTEM);
        signIn();
        page.navigate(server.server().consoleUrl() + "/tenants/chooser");
        button("Change models of chooser").click();
        page.getByLabel("demo-draft").check();
        shot("tenant-models");
        button("Save").click();
        await("the grant", () -> server.get("/v1/models/demo-draft", key).statusCode() == 200);
        button("Change models of chooser").click();
        page.getByLabel("demo-draft").uncheck();
        button("Save").click();
        await(
                "the grant to be gone",
                () -> server.get("/v1/models/demo-draft", key).statusCode() == 404);
    }

    @Test
    void a_key_is_created_with_the_keyboard_only() {
        server.service(Tenants.class).create("keyboard", Actor.SYSTEM);
        page.getByLabel("User name").focus();
        page.keyboard().type("admin");
        page.keyboard().press("Tab");
        page.keyboard().type(server.adminPassword());
        page.keyboard().press("Enter");
        assertThat(heading("Overview")).isVisible();
        page.navigate(server.server().consoleUrl() + "/keys/keyboard");
        assertThat(page.getByText("No keys yet")).isVisible();
        for (int i = 0;
                i < 30 && !Boolean.TRUE.equals(page.evaluate("document.activeElement.textContent === 'Create key'"));
                i++) {
            page.keyboard().press("Tab");
        }
        page.keyboard().press("Enter");
        assertThat(page.getByLabel("Name")).isFocused();
        page.keyboard().type("typed");
        page.keyboard().press("Enter");
        assertThat(page.locator("#new-key")).containsText("ash_");
    }

    @Test
    void signing_out_ends_the_session() {
        signIn();
        button("Sign out").click();
        page.waitForURL(Pattern.compile(".*/login.*|.*/$"));
        page.navigate(server.server().consoleUrl() + "/tenants");
        assertThat(button("Sign in")).isVisible();
    }

    @Test
    void the_navigation_folds_on_a_narrow_screen() {
        page.setViewportSize(390, 844);
        signIn();
        page.getByLabel("Show or hide the navigation").click();
        page.getByRole(AriaRole.LINK, new Page.GetByRoleOptions().setName("Tenants"))
                .click();
        assertThat(heading("Tenants")).isVisible();
        shot("tenants-390");
    }
}
