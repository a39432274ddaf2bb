package io.ashlar.console;

import com.microsoft.playwright.Browser;
import com.microsoft.playwright.BrowserContext;
import com.microsoft.playwright.Locator;
import com.microsoft.playwright.Page;
import com.microsoft.playwright.Playwright;
import com.microsoft.playwright.options.AriaRole;
import io.ashlar.app.TestServer;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;

/** Tests of pages, each in a browser of its own where the administrator is signed in. */
abstract class InConsole {
    private static Playwright playwright;
    private static Browser browser;

    final TestServer server = TestServer.shared();
    private BrowserContext context;
    Page page;

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

    final void open(String path) {
        page.navigate(server.server().consoleUrl() + "/" + path);
    }

    final Locator button(String name) {
        return page.getByRole(
                AriaRole.BUTTON, new Page.GetByRoleOptions().setName(name).setExact(true));
    }

    final Locator text(String exact) {
        return page.getByText(exact, new Page.GetByTextOptions().setExact(true));
    }

    final Locator field(String label) {
        return page.getByLabel(label, new Page.GetByLabelOptions().setExact(true));
    }

    /** In the list that is open. */
    final Locator option(String text) {
        return page.getByRole(AriaRole.OPTION, new Page.GetByRoleOptions().setName(text))
                .first();
    }

    /** Says yes to what is asked. */
    final void confirm(String verb) {
        page.getByRole(AriaRole.ALERTDIALOG)
                .getByText(verb, new Locator.GetByTextOptions().setExact(true))
                .click();
    }

    /** A picture for people to look at, beside those of the pages. */
    final void picture(String dialog) {
        page.screenshot(new Page.ScreenshotOptions().setPath(Path.of("target/console-dialogs", dialog + ".png")));
    }
}
