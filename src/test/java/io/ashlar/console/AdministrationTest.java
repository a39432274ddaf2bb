package io.ashlar.console;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;
import static org.assertj.core.api.Assertions.assertThat;

import com.microsoft.playwright.Locator;
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
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/** What administrators say about people, keys, limits, classes, prices and providers, said in the console. */
class AdministrationTest extends InConsole {
    @Test
    void a_price_is_set_and_the_theme_chosen() {
        open("settings");
        button("Change the price of demo-brief").click();
        field("Answer").fill("2.5");
        button("Save").click();
        assertThat(page.getByText("2.50")).isVisible();
        assertThat(server.service(Limits.class)
                        .prices(Actor.SYSTEM)
                        .get("demo-brief")
                        .completion())
                .isEqualTo(2_500_000);
        open("profile");
        text("Dark").click();
        TestServer.await(
                "the theme to be kept",
                () -> server.service(Members.class)
                        .byLogin("admin")
                        .orElseThrow()
                        .theme()
                        .equals("dark"));
        text("System").click();
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
        field("Name").fill("Night");
        button("Save").click();
        assertThat(page.getByText("A class's name has 1 to 32 small letters")).isVisible();
        field("Name").fill("night");
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
        assertThat(made)
                .extracting(ServiceClass::percentile, ServiceClass::queueLength, ServiceClass::preemptible)
                .containsExactly(97.5, 7, false);
        button("Change night").click();
        picture("class");
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
        field("Name").fill("acme");
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
        picture("provider");
        button("Cancel").click();
        button("Remove acme").click();
        confirm("Remove");
        assertThat(page.getByText("https://login.acme.example")).hasCount(0);
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
        picture("member");
        page.keyboard().press("Enter");
        assertThat(page.getByText("Saved grace.")).isVisible();
        assertThat(members.byLogin("grace").orElseThrow().role()).isEqualTo(Role.TENANT_ADMINISTRATOR);
    }

    @Test
    void a_key_of_a_project_is_created() {
        UUID tenant = server.service(Tenants.class).create("has-projects", Actor.SYSTEM);
        open("tenants/has-projects");
        for (String project : List.of("web", "spare")) {
            button("Create project").click();
            field("Name").fill(project);
            page.keyboard().press("Enter");
            assertThat(text(project)).isVisible();
        }
        button("Remove the project spare").click();
        confirm("Remove");
        assertThat(text("spare")).hasCount(0);
        open("keys/has-projects");
        button("Create key").click();
        field("Name").fill("site");
        field("Project").click();
        option("web").click();
        button("Create").click();
        assertThat(page.locator("#new-key")).isVisible();
        button("Done").click();
        assertThat(server.service(ApiKeys.class).ofTenant(tenant, Actor.SYSTEM))
                .singleElement()
                .satisfies(key -> assertThat(key.project()).isEqualTo("web"));
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
        field("Of").fill("the key ci");
        option("the key ci").click();
        field("For").fill("demo-b");
        option("demo-base").click();
        button("Set").click();
        assertThat(page.getByText("Whole numbers from 1 to 100")).isVisible();
        page.getByLabel("Warns at, percent").fill("90, 50");
        picture("limit");
        button("Set").click();
        assertThat(page.getByText("12.50 of money per month")).isVisible();
        assertThat(server.service(Limits.class).ofTenant(tenant, Actor.SYSTEM))
                .singleElement()
                .satisfies(limit -> assertThat(List.of(limit.key(), limit.model(), limit.amount(), limit.warnPercent()))
                        .containsExactly(
                                keys.ofTenant(tenant, Actor.SYSTEM).getFirst().id(),
                                "demo-base",
                                12_500_000L,
                                List.of(50, 90)));
        text("Change").last().click();
        page.getByLabel("Amount").fill("20");
        button("Set").click();
        assertThat(page.getByText("20.00 of money per month")).isVisible();
        assertThat(page.getByText("12.50")).hasCount(0);
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
