package io.ashlar.console;

import com.vaadin.flow.component.Component;
import com.vaadin.flow.component.checkbox.Checkbox;
import com.vaadin.flow.component.grid.Grid;
import com.vaadin.flow.component.textfield.IntegerField;
import com.vaadin.flow.component.textfield.NumberField;
import com.vaadin.flow.component.textfield.TextField;
import io.ashlar.access.InvalidRequestException;
import io.ashlar.quota.ServiceClasses;
import io.ashlar.scheduler.ServiceClass;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** What tenants are promised. */
final class ClassSection extends SettingsSection {
    private static final long serialVersionUID = 1;
    private static final int DAY_MILLIS = 86_400_000;
    private static final int DAY_SECONDS = 86_400;
    private static final int LAST = 15;

    private final transient ServiceClasses classes;

    ClassSection(ServiceClasses classes, ConsoleActors actors) {
        super("Service classes", actors);
        this.classes = classes;
        action("Add class", () -> ask(null));
        show();
    }

    @Override
    Component content() {
        Grid<ServiceClass> grid = grid(Page.empty("No classes", ""));
        grid.addColumn(ServiceClass::name).setHeader("Name").setAutoWidth(true);
        grid.addColumn(ServiceClass::order).setHeader("Order").setAutoWidth(true);
        grid.addColumn(c -> millis(c.ttft())).setHeader("First token").setAutoWidth(true);
        grid.addColumn(c -> millis(c.tpot())).setHeader("Each after").setAutoWidth(true);
        grid.addColumn(c -> c.hasTargets() ? c.percentile() + " %" : "–")
                .setHeader("For")
                .setAutoWidth(true);
        grid.addColumn(ServiceClass::weight).setHeader("Weight").setAutoWidth(true);
        grid.addColumn(c -> c.queueTime().isZero()
                        ? "refused"
                        : "waits " + c.queueTime().toSeconds() + " s")
                .setHeader("Beyond a limit")
                .setAutoWidth(true);
        grid.addColumn(c -> c.preemptible() ? "may be taken" : "kept")
                .setHeader("Its pages")
                .setAutoWidth(true);
        if (changes()) {
            grid.addComponentColumn(c -> row(
                            c.name(),
                            Page.small("Change", () -> ask(c)),
                            Page.small(
                                    "Remove",
                                    () -> Page.confirm(
                                            "Remove the class " + c.name() + "?",
                                            "Requests that ask for it are refused from now on.",
                                            "Remove",
                                            () -> remove(c)))))
                    .setHeader("Actions")
                    .setAutoWidth(true)
                    .setFlexGrow(0);
        }
        grid.setItems(classes.stored(actor()));
        return grid;
    }

    private static String millis(Duration time) {
        return time.isZero() ? "–" : time.toMillis() + " ms";
    }

    private void remove(ServiceClass c) {
        if (Page.attempt(() -> classes.remove(c.name(), actor()))) {
            saved("Removed " + c.name() + ".");
        }
    }

    private void ask(@Nullable ServiceClass known) {
        ServiceClass old = known == null ? ServiceClass.STANDARD : known;
        TextField name =
                FieldDialog.text("Name", "What requests say as 'service_tier'.", known == null ? "" : old.name());
        name.setReadOnly(known != null);
        IntegerField order = FieldDialog.whole("Order", "0 is served first, 15 last.", old.order());
        IntegerField ttft = FieldDialog.whole(
                "First token within, ms", "0 for no target.", (int) old.ttft().toMillis());
        IntegerField tpot = FieldDialog.whole("Each token after within, ms", "0 for no target.", (int)
                old.tpot().toMillis());
        NumberField percentile =
                FieldDialog.number("Kept for, percent", "Of the requests; below 100.", old.percentile());
        NumberField weight = FieldDialog.number("Weight", "A token counts half where it is 2, beside 1.", old.weight());
        IntegerField length = FieldDialog.whole("Most that wait", "More are refused at once.", old.queueLength());
        IntegerField wait = FieldDialog.whole("Waits beyond a limit, s", "0: is refused instead.", (int)
                old.queueTime().toSeconds());
        Checkbox preemptible = new Checkbox("Its pages may be taken for others", old.preemptible());
        new FieldDialog(known == null ? "Add class" : "Change " + old.name())
                .half("name", name)
                .half("order", order)
                .half("ttft", ttft)
                .half("tpot", tpot)
                .half("percentile", percentile)
                .half("weight", weight)
                .half("queue_length", length)
                .half("queue_time", wait)
                .with(preemptible)
                .open("Save", () -> {
                    double heavy = FieldDialog.value("weight", weight);
                    if (heavy == 0 || heavy > 1e6) {
                        throw new InvalidRequestException("weight", "Above 0, at most 1,000,000.");
                    }
                    classes.set(
                            new ServiceClass(
                                    name.getValue().strip(),
                                    FieldDialog.value("order", order, 0, LAST),
                                    Duration.ofMillis(FieldDialog.value("ttft", ttft, 0, DAY_MILLIS)),
                                    Duration.ofMillis(FieldDialog.value("tpot", tpot, 0, DAY_MILLIS)),
                                    FieldDialog.value("percentile", percentile),
                                    heavy,
                                    FieldDialog.value("queue_length", length, 0, Integer.MAX_VALUE),
                                    Duration.ofSeconds(FieldDialog.value("queue_time", wait, 0, DAY_SECONDS)),
                                    preemptible.getValue()),
                            actor());
                    saved("Saved.");
                });
    }
}
