package io.ashlar.console;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.microsoft.playwright.Browser;
import com.microsoft.playwright.BrowserContext;
import com.microsoft.playwright.Page;
import com.microsoft.playwright.Playwright;
import com.microsoft.playwright.options.AriaRole;
import io.ashlar.access.Actor;
import io.ashlar.access.Role;
import io.ashlar.app.TestServer;
import io.ashlar.audit.AuditFilter;
import io.ashlar.audit.AuditLog;
import io.ashlar.catalog.Catalog;
import io.ashlar.identity.KeyRefusal;
import io.ashlar.identity.Member;
import io.ashlar.identity.Members;
import io.ashlar.identity.SignInProvider;
import io.ashlar.identity.SignInProviders;
import io.ashlar.identity.Tenants;
import io.ashlar.identity.TokenAuthenticator;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Signing in with a real Keycloak, in a real browser; and its access tokens at the API. */
class SignInTest {
    @TempDir
    static Path folder;

    private static TestServer server;
    private static Keycloak keycloak;
    private static Playwright playwright;
    private static Browser browser;

    private BrowserContext context;
    private Page page;

    @BeforeAll
    static void start() {
        playwright = Browsers.playwright();
        browser = Browsers.open(playwright);
        server = new TestServer(folder.resolve("data"), Map.of());
        keycloak = new Keycloak(folder, server.server().consoleUrl());
        keycloak.awaitReady();
        UUID acme = server.service(Tenants.class).create("acme", Actor.SYSTEM);
        server.service(Catalog.class).grant(acme, "demo-base", Actor.SYSTEM);
        // While the server runs: no restart.
        server.service(SignInProviders.class)
                .set(
                        new SignInProvider(
                                "keycloak",
                                "Keycloak",
                                keycloak.issuer(),
                                "ashlar-console",
                                List.of("profile", "email"),
                                "preferred_username",
                                "ashlar-api",
                                List.of(
                                        new SignInProvider.Rule(
                                                "groups", "platform-team", Role.PLATFORM_ADMINISTRATOR, null),
                                        new SignInProvider.Rule(
                                                "groups", "acme-developers", Role.TENANT_DEVELOPER, "acme")),
                                true,
                                false),
                        "console-secret",
                        Actor.SYSTEM);
    }

    @AfterAll
    static void stop() {
        if (keycloak != null) {
            keycloak.close();
        }
        if (server != null) {
            server.close();
        }
        if (playwright != null) {
            playwright.close();
        }
    }

    @BeforeEach
    void openPage() {
        context = browser.newContext(new Browser.NewContextOptions().setViewportSize(1440, 900));
        page = context.newPage();
        page.setDefaultTimeout(30_000);
        page.navigate(server.server().consoleUrl());
    }

    @AfterEach
    void closePage() {
        context.close();
    }

    private void signIn(String user) {
        page.getByText("Sign in with Keycloak").click();
        page.locator("#username").fill(user);
        page.locator("#password").fill(user + "-password");
        page.locator("#kc-login").click();
    }

    private void seesHeading(String name) {
        assertThat(page.getByRole(
                        AriaRole.HEADING,
                        new Page.GetByRoleOptions().setName(name).setExact(true)))
                .isVisible();
    }

    private Member member(String login) {
        return server.service(Members.class).byLogin(login).orElseThrow();
    }

    @Test
    void a_first_sign_in_makes_a_member_with_the_role_of_its_groups() {
        signIn("ada");
        seesHeading("Overview");
        Member ada = member("ada");
        assertThat(ada.role()).isEqualTo(Role.PLATFORM_ADMINISTRATOR);
        assertThat(ada.provider()).isEqualTo("keycloak");
        assertThat(ada.email()).isEqualTo("ada@example.org");
        assertThat(server.service(AuditLog.class)
                        .latest(Actor.SYSTEM, new AuditFilter("ada", "session.", ""), Long.MAX_VALUE, 5))
                .first()
                .satisfies(e -> assertThat(e.origin()).isEqualTo("127.0.0.1"));
    }

    @Test
    void whoever_has_no_role_is_told_so_and_not_let_in() {
        signIn("eve");
        assertThat(page.getByText("have no role in Ashlar")).isVisible();
        assertThat(server.service(Members.class).byLogin("eve")).isEmpty();
        page.navigate(server.server().consoleUrl() + "/tenants");
        seesHeading("Sign in");
    }

    @Test
    void a_tenant_s_developer_sees_the_tenant_and_nothing_of_the_platform() {
        signIn("ben");
        seesHeading("acme");
        page.navigate(server.server().consoleUrl() + "/audit");
        assertThat(page.getByText("Who changed what")).hasCount(0);
        page.navigate(server.server().consoleUrl() + "/tenants/demo");
        assertThat(page.getByText("There is no such tenant")).isVisible();
    }

    @Test
    void signing_out_here_signs_out_there() {
        signIn("ada");
        seesHeading("Overview");
        page.getByText("Sign out").click();
        seesHeading("Sign in");
        page.getByText("Sign in with Keycloak").click();
        assertThat(page.locator("#username")).isVisible(); // asked again: the session there is gone too
    }

    @Test
    void signing_out_there_signs_out_here() {
        signIn("ada");
        seesHeading("Overview");
        keycloak.signOutThere("ada");
        TestServer.await("the end of the session", () -> {
            page.navigate(server.server().consoleUrl() + "/tenants");
            return page.url().contains("/login");
        });
    }

    @Test
    void a_disabled_person_is_out_at_once_and_stays_out() {
        signIn("ben");
        seesHeading("acme");
        server.service(Members.class).disable("ben", Actor.SYSTEM);
        try {
            TestServer.await("the end of the session", () -> {
                page.navigate(server.server().consoleUrl());
                return page.url().contains("/login");
            });
            page.getByText("Sign in with Keycloak").click(); // known there still
            assertThat(page.getByText("Your account is disabled in Ashlar")).isVisible();
            String token = keycloak.accessToken("ashlar-console", "console-secret", "ben");
            assertThat(server.get("/v1/models", token).statusCode()).isEqualTo(401);
        } finally {
            server.service(Members.class).enable("ben", Actor.SYSTEM);
        }
    }

    @Test
    void access_tokens_open_the_api_for_what_their_owner_may() {
        String ben = keycloak.accessToken("ashlar-console", "console-secret", "ben");
        assertThat(server.get("/v1/models", ben).body()).contains("demo-base").doesNotContain("demo-draft");
        assertThat(server.chat(ben, "\"max_tokens\":4").statusCode()).isEqualTo(200);
        assertThat(server.get("/admin/v1/tenants", ben).body()).contains("acme").doesNotContain("demo");
        assertThat(server.get("/admin/v1/deployments", ben).statusCode()).isEqualTo(403);
        String ada = keycloak.accessToken("ashlar-console", "console-secret", "ada");
        assertThat(server.get("/admin/v1/deployments", ada).statusCode()).isEqualTo(200);
        assertThat(server.get("/v1/models", ada).statusCode()).isEqualTo(403); // of no tenant
    }

    @Test
    void forged_foreign_and_expired_tokens_open_nothing() {
        String good = keycloak.accessToken("ashlar-console", "console-secret", "ada");
        String[] parts = good.split("\\.");
        String claims = new String(Base64.getUrlDecoder().decode(parts[1]), java.nio.charset.StandardCharsets.UTF_8);
        String changed = base64(claims.replace("\"ada\"", "\"eva\""));
        String unsigned = base64("{\"alg\":\"none\"}") + "." + parts[1] + ".";
        List<String> bad = List.of(
                parts[0] + "." + changed + "." + parts[2],
                unsigned,
                parts[0] + "." + parts[1] + "." + parts[2].substring(0, parts[2].length() - 6) + "AAAAAA",
                keycloak.accessToken("elsewhere", "elsewhere-secret", "ada")); // for another audience
        for (String token : bad) {
            assertThat(server.get("/admin/v1/tenants", token).statusCode())
                    .as(token)
                    .isEqualTo(401);
            assertThat(server.get("/v1/models", token).statusCode()).as(token).isEqualTo(401);
        }
        TokenAuthenticator later =
                server.service(TokenAuthenticator.class).at(Clock.offset(Clock.systemUTC(), Duration.ofHours(1)));
        assertThatThrownBy(() -> later.actor(good).join())
                .isInstanceOf(CompletionException.class)
                .hasCauseInstanceOf(KeyRefusal.class)
                .hasMessageContaining("expired");
    }

    private static String base64(String text) {
        return Base64.getUrlEncoder()
                .withoutPadding()
                .encodeToString(text.getBytes(java.nio.charset.StandardCharsets.UTF_8));
    }
}
