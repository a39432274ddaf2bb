package io.ashlar.console;

import com.vaadin.flow.router.PageTitle;
import com.vaadin.flow.router.Route;
import io.ashlar.catalog.Catalog;
import io.ashlar.identity.SignInProviders;
import io.ashlar.platform.Platform;
import io.ashlar.quota.Limits;
import io.ashlar.quota.ServiceClasses;
import jakarta.annotation.security.RolesAllowed;

/** Who vouches for people, what tenants are promised, what models cost, and who is told of alarms. */
@Route("settings")
@PageTitle("Settings · Ashlar")
@RolesAllowed({ConsoleSecurity.ADMINISTRATOR, ConsoleSecurity.VIEWER})
public class SettingsView extends Page {
    private static final long serialVersionUID = 1;

    public SettingsView(
            SignInProviders providers,
            ServiceClasses classes,
            Limits limits,
            Catalog catalog,
            Platform platform,
            ConsoleActors actors) {
        super("Settings");
        add(
                new ProviderSection(providers, actors),
                new ClassSection(classes, actors),
                new PriceSection(limits, catalog, actors),
                new PlatformSection(platform, actors));
    }
}
