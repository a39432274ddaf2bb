package io.ashlar.console;

import com.vaadin.flow.component.Component;
import com.vaadin.flow.component.button.Button;
import com.vaadin.flow.component.grid.Grid;
import com.vaadin.flow.component.textfield.NumberField;
import io.ashlar.catalog.Catalog;
import io.ashlar.catalog.Deployment;
import io.ashlar.quota.Limits;
import io.ashlar.quota.Price;
import java.util.Map;

/** What a million tokens of each deployment cost. */
final class PriceSection extends SettingsSection {
    private static final long serialVersionUID = 1;
    private static final double MILLION = 1e6;

    private final transient Limits limits;
    private final transient Catalog catalog;

    PriceSection(Limits limits, Catalog catalog, ConsoleActors actors) {
        super("Prices of a million tokens", actors);
        this.limits = limits;
        this.catalog = catalog;
        show();
    }

    @Override
    Component content() {
        Map<String, Price> prices = limits.prices(actor());
        Grid<Deployment> grid = grid(Page.empty("Nothing is deployed", "A deployment's price is set here."));
        grid.addColumn(Deployment::name)
                .setHeader("Deployment")
                .setAutoWidth(true)
                .setFlexGrow(2);
        grid.addColumn(d -> Page.money(of(prices, d).prompt()))
                .setHeader("Prompt")
                .setAutoWidth(true);
        grid.addColumn(d -> Page.money(of(prices, d).cached()))
                .setHeader("Cached")
                .setAutoWidth(true);
        grid.addColumn(d -> Page.money(of(prices, d).completion()))
                .setHeader("Answer")
                .setAutoWidth(true);
        if (changes()) {
            grid.addComponentColumn(d -> {
                        Button change = Page.small("Change", () -> ask(d, of(prices, d)));
                        change.setAriaLabel("Change the price of " + d.name());
                        return change;
                    })
                    .setHeader("Actions")
                    .setAutoWidth(true)
                    .setFlexGrow(0);
        }
        grid.setItems(catalog.deployments(actor()));
        return grid;
    }

    private static Price of(Map<String, Price> prices, Deployment deployment) {
        return prices.getOrDefault(deployment.name(), Price.FREE);
    }

    private void ask(Deployment deployment, Price old) {
        NumberField prompt = FieldDialog.number("Prompt", "0 is free.", old.prompt() / MILLION);
        NumberField cached = FieldDialog.number("Cached prompt", "", old.cached() / MILLION);
        NumberField completion = FieldDialog.number("Answer", "", old.completion() / MILLION);
        new FieldDialog("Price of " + deployment.name())
                .field("prompt", prompt)
                .field("cached", cached)
                .field("completion", completion)
                .open("Save", () -> {
                    limits.setPrice(
                            deployment.name(),
                            new Price(
                                    millionths("prompt", prompt),
                                    millionths("cached", cached),
                                    millionths("completion", completion)),
                            actor());
                    saved("Saved.");
                });
    }

    private static long millionths(String named, NumberField field) {
        return Math.round(FieldDialog.value(named, field) * MILLION);
    }
}
