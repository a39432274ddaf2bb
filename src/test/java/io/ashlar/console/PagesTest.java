package io.ashlar.console;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;
import static org.assertj.core.api.Assertions.assertThat;

import com.deque.html.axecore.playwright.AxeBuilder;
import com.microsoft.playwright.Browser;
import com.microsoft.playwright.BrowserContext;
import com.microsoft.playwright.Page;
import com.microsoft.playwright.Playwright;
import com.microsoft.playwright.options.AriaRole;
import io.ashlar.access.Actor;
import io.ashlar.access.Role;
import io.ashlar.app.TestServer;
import io.ashlar.catalog.Upstream;
import io.ashlar.catalog.Upstreams;
import io.ashlar.identity.Members;
import io.ashlar.identity.Tenants;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Every page: who sees it, whether it can be used by everybody, and how it looks (pictures go to target/console). */
class PagesTest {
    private static final String PASSWORD = "long enough words";
    private static final Set<Role> ALL = EnumSet.allOf(Role.class);
    private static final Set<Role> PLATFORM = EnumSet.of(Role.PLATFORM_ADMINISTRATOR, Role.PLATFORM_VIEWER);
    private static final Set<Role> MANAGERS =
            EnumSet.of(Role.PLATFORM_ADMINISTRATOR, Role.PLATFORM_VIEWER, Role.TENANT_ADMINISTRATOR);

    /** A page's heading, and who sees it. */
    private record Seen(String heading, Set<Role> by) {}

    private static Map<String, Seen> pages() {
        Map<String, Seen> pages = new LinkedHashMap<>();
        pages.put("", new Seen("Overview", PLATFORM)); // those of a tenant are led to it
        pages.put("tenants", new Seen("Tenants", PLATFORM));
        pages.put("tenants/pages", new Seen("pages", ALL));
        pages.put("keys/pages", new Seen("API keys", ALL));
        pages.put("models", new Seen("Models", PLATFORM));
        pages.put("deployments", new Seen("Deployments", PLATFORM));
        pages.put("requests", new Seen("Requests", ALL));
        pages.put("usage", new Seen("Usage and cost", ALL));
        pages.put(
                "playground",
                new Seen(
                        "Playground",
                        EnumSet.of(Role.PLATFORM_ADMINISTRATOR, Role.TENANT_ADMINISTRATOR, Role.TENANT_DEVELOPER)));
        pages.put("members", new Seen("Members", MANAGERS));
        pages.put("audit", new Seen("Audit", MANAGERS));
        pages.put("settings", new Seen("Settings", PLATFORM));
        pages.put("profile", new Seen("Profile", ALL));
        return pages;
    }

    private static Playwright playwright;
    private static Browser browser;
    private static TestServer server;

    @BeforeAll
    static void start() {
        playwright = Browsers.playwright();
        browser = Browsers.open(playwright);
        server = TestServer.shared();
        var tenant = server.service(Tenants.class).create("pages", Actor.SYSTEM);
        for (Role role : Role.values()) {
            server.service(Members.class)
                    .create("page-" + role.word(), PASSWORD, role, role.ofPlatform() ? null : tenant, Actor.SYSTEM);
        }
        server.chat(server.apiKey(), "\"max_tokens\":8");
        server.service(Upstreams.class)
                .create(
                        "large",
                        new Upstream(server.apiUrl() + "/v1", "demo-base", 1024, 64),
                        server.newKey("pages-upstream", "demo-base"),
                        Actor.SYSTEM);
        server.service(io.ashlar.catalog.Catalog.class).grant(tenant, "large", Actor.SYSTEM);
    }

    @AfterAll
    static void stop() {
        server.service(io.ashlar.catalog.Catalog.class).delete("large", Actor.SYSTEM);
        if (playwright != null) {
            playwright.close();
        }
    }

    private static Page signIn(BrowserContext context, Role role) {
        Page page = context.newPage();
        page.setDefaultTimeout(20_000);
        page.navigate(server.server().consoleUrl());
        Browsers.signIn(page, "page-" + role.word(), PASSWORD);
        return page;
    }

    private static com.microsoft.playwright.Locator heading(Page page, String text) {
        return page.getByRole(
                AriaRole.HEADING,
                new Page.GetByRoleOptions().setName(text).setExact(true).setLevel(1));
    }

    @Test
    void each_role_sees_its_pages_and_no_others() {
        for (Role role : Role.values()) {
            try (BrowserContext context = browser.newContext()) {
                Page page = signIn(context, role);
                pages().forEach((path, seen) -> {
                    page.navigate(server.server().consoleUrl() + "/" + path);
                    if (seen.by.contains(role)) {
                        assertThat(heading(page, seen.heading)).isVisible();
                    } else {
                        page.waitForLoadState(com.microsoft.playwright.options.LoadState.NETWORKIDLE);
                        assertThat(heading(page, seen.heading)).hasCount(0);
                    }
                });
                page.navigate(server.server().consoleUrl() + "/tenants/demo");
                if (role.ofPlatform()) {
                    assertThat(heading(page, "demo")).isVisible();
                } else {
                    assertThat(page.getByText("There is no such tenant")).isVisible();
                }
            }
        }
    }

    @Test
    void no_page_has_a_serious_accessibility_fault_in_either_theme() {
        for (String theme : List.of("light", "dark")) {
            try (BrowserContext context = browser.newContext(new Browser.NewContextOptions()
                    .setViewportSize(1440, 900)
                    .setBypassCSP(true) // axe is put into the page
                    .setColorScheme(com.microsoft.playwright.options.ColorScheme.valueOf(
                            theme.toUpperCase(java.util.Locale.ROOT))))) {
                Page first = context.newPage();
                first.navigate(server.server().consoleUrl());
                assertThat(first.getByText("Language models for many tenants")).isVisible();
                check(first, "login", theme);
                first.close();
                Page page = signIn(context, Role.PLATFORM_ADMINISTRATOR);
                pages().forEach((path, seen) -> {
                    page.setViewportSize(1440, 900);
                    page.navigate(server.server().consoleUrl() + "/" + path);
                    assertThat(heading(page, seen.heading)).isVisible();
                    check(page, path.isEmpty() ? "overview" : path.replace('/', '-'), theme);
                });
            }
        }
    }

    private static void check(Page page, String name, String theme) {
        page.waitForTimeout(700); // for what is drawn after the page is there
        picture(page, name + "-1440-" + theme);
        // Without frames to gather results from; a theme changes colours, and nothing else.
        AxeBuilder axe = new AxeBuilder(page).setLegacyMode(true);
        if (!theme.equals("light")) {
            axe.withRules(List.of("color-contrast", "link-in-text-block"));
        }
        List<String> faults = axe.analyze().getViolations().stream()
                .filter(v -> "serious".equals(v.getImpact()) || "critical".equals(v.getImpact()))
                .map(v -> v.getId() + ": " + v.getHelp() + " at "
                        + v.getNodes().stream()
                                .limit(3)
                                .map(n -> String.valueOf(n.getHtml()))
                                .toList())
                .toList();
        assertThat(faults).as("%s, %s", name, theme).isEmpty();
        page.setViewportSize(390, 844);
        page.waitForTimeout(300);
        picture(page, name + "-390-" + theme);
    }

    private static void picture(Page page, String name) {
        page.screenshot(new Page.ScreenshotOptions().setPath(Path.of("target/console", name + ".png")));
    }
}
