package io.ashlar.console;

import com.vaadin.flow.component.Component;
import com.vaadin.flow.component.button.Button;
import com.vaadin.flow.component.checkbox.Checkbox;
import com.vaadin.flow.component.combobox.ComboBox;
import com.vaadin.flow.component.grid.Grid;
import com.vaadin.flow.component.grid.GridVariant;
import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.H2;
import com.vaadin.flow.component.html.Span;
import com.vaadin.flow.component.select.Select;
import com.vaadin.flow.component.textfield.NumberField;
import com.vaadin.flow.component.textfield.TextField;
import io.ashlar.access.Actor;
import io.ashlar.access.InvalidRequestException;
import io.ashlar.access.Permission;
import io.ashlar.catalog.Catalog;
import io.ashlar.identity.ApiKey;
import io.ashlar.identity.ApiKeys;
import io.ashlar.identity.Project;
import io.ashlar.identity.Tenant;
import io.ashlar.identity.Tenants;
import io.ashlar.quota.Limit;
import io.ashlar.quota.LimitKind;
import io.ashlar.quota.Limits;
import io.ashlar.quota.Quotas;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.TreeSet;
import java.util.UUID;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** A tenant's limits: its own, its projects' and its keys', for all models or for one. */
final class LimitsSection extends Div {
    private static final long serialVersionUID = 1;
    private static final double MILLION = 1e6;
    /** Keys that can be chosen among; the admin API takes any. */
    private static final int MOST_KEYS = 1000;

    /** What the section works with. */
    record Services(Limits limits, Quotas quotas, Tenants tenants, ApiKeys keys, Catalog catalog) {}

    /** Whom a limit bounds: at most one of project and key. */
    private record Subject(
            String words, @Nullable UUID project, @Nullable UUID key) {}

    private final transient Services services;
    private final transient Tenant tenant;
    private final transient ConsoleActors actors;
    private final Grid<Limit> grid = new Grid<>();
    private transient Map<UUID, Long> used = Map.of();

    LimitsSection(Services services, Tenant tenant, ConsoleActors actors) {
        this.services = services;
        this.tenant = tenant;
        this.actors = actors;
        grid.addColumn(l -> l.level().name().toLowerCase(Locale.ROOT) + " " + l.subject())
                .setHeader("Of")
                .setAutoWidth(true)
                .setFlexGrow(2);
        grid.addColumn(l -> amount(l.kind(), l.amount()) + " " + words(l.kind()))
                .setHeader("Limit")
                .setAutoWidth(true)
                .setFlexGrow(2);
        grid.addColumn(l -> l.model() == null ? "all models" : l.model())
                .setHeader("For")
                .setAutoWidth(true);
        grid.addColumn(l -> used.get(l.id()) == null ? "–" : amount(l.kind(), used.get(l.id())))
                .setHeader("Used here")
                .setAutoWidth(true);
        grid.addColumn(l -> l.warnPercent().isEmpty() ? "–" : percents(l.warnPercent()) + " %")
                .setHeader("Warns at")
                .setAutoWidth(true);
        grid.addComponentColumn(this::actions)
                .setHeader("Actions")
                .setAutoWidth(true)
                .setFlexGrow(0);
        grid.setAllRowsVisible(true);
        grid.addThemeVariants(GridVariant.LUMO_NO_BORDER);
        grid.setEmptyStateComponent(Page.empty("No limits", "It may use what the machine has."));
        Div head = new Div(new H2("Limits"));
        head.addClassName("tools");
        if (actors.actor().may(Permission.CHANGE_TENANT, tenant.id())) {
            head.add(new Button("Set a limit", e -> ask(null)));
        }
        add(head, grid);
        show();
    }

    private void show() {
        used = services.quotas.used(tenant.id());
        grid.setItems(services.limits.ofTenant(tenant.id(), actors.actor()));
    }

    private static String words(LimitKind kind) {
        return kind == LimitKind.MONEY_PER_MONTH ? "of money per month" : kind.words();
    }

    private static String amount(LimitKind kind, long amount) {
        return kind == LimitKind.MONEY_PER_MONTH ? Page.money(amount) : Page.count(amount);
    }

    private static String percents(List<Integer> percents) {
        return percents.stream().map(String::valueOf).collect(Collectors.joining(", "));
    }

    private Component actions(Limit limit) {
        Actor actor = actors.actor();
        boolean may = limit.level() == Limit.Level.TENANT
                ? actor.may(Permission.CHANGE_PLATFORM)
                : actor.may(Permission.CHANGE_TENANT, tenant.id());
        return may
                ? SettingsSection.row(
                        limit.words(),
                        Page.small("Change", () -> ask(limit)),
                        Page.small(
                                "Remove",
                                () -> Page.confirm(
                                        "Remove the limit?",
                                        "It is " + limit.words() + ".",
                                        "Remove",
                                        () -> remove(limit))))
                : new Span();
    }

    private void remove(Limit limit) {
        if (Page.attempt(() -> services.limits.remove(tenant.id(), limit.id(), actors.actor()))) {
            Page.done("Removed the limit.");
            show();
        }
    }

    /** @param old null for a new one; what it bounds stays as it is */
    private void ask(@Nullable Limit old) {
        Select<LimitKind> kind = new Select<>();
        kind.setLabel("What is counted");
        kind.setItems(LimitKind.values());
        kind.setItemLabelGenerator(k -> k == LimitKind.MONEY_PER_MONTH ? "money per month" : k.words());
        kind.setValue(old == null ? LimitKind.TOKENS_PER_MONTH : old.kind());
        kind.setReadOnly(old != null);
        NumberField amount = new NumberField("Amount");
        amount.setMin(0);
        if (old != null) {
            amount.setValue(old.kind() == LimitKind.MONEY_PER_MONTH ? old.amount() / MILLION : (double) old.amount());
        }
        ComboBox<Subject> of = subjects(old);
        ComboBox<String> model = new ComboBox<>("For");
        model.setPlaceholder("all models together");
        model.setClearButtonVisible(true);
        TreeSet<String> models = new TreeSet<>(services.catalog.grantsOf(tenant.id(), actors.actor()));
        if (old != null && old.model() != null) {
            models.add(old.model());
        }
        model.setItems(models);
        model.setValue(old == null ? null : old.model());
        model.setReadOnly(old != null);
        TextField warn = FieldDialog.text(
                "Warns at, percent", "Such as 50, 80; empty: never.", old == null ? "80" : percents(old.warnPercent()));
        Checkbox overbooks = new Checkbox("Reserve what an answer will likely be, not the longest it may be");
        overbooks.setValue(old != null && old.overbooks());
        overbooks.setHelperText("More requests run at a time; the limit may be passed by what was guessed wrong.");
        kind.addValueChangeListener(e -> overbooks.setVisible(reserves(e.getValue())));
        overbooks.setVisible(reserves(kind.getValue()));
        new FieldDialog(old == null ? "Set a limit of " + tenant.name() : "Change a limit of " + tenant.name())
                .field("kind", kind)
                .half("amount", amount)
                .half("warn_percent", warn)
                .half("project", of)
                .half("model", model)
                .with(overbooks)
                .open("Set", () -> {
                    Subject whose = Objects.requireNonNullElseGet(of.getValue(), () -> {
                        throw new InvalidRequestException("project", "Choose whom it bounds.");
                    });
                    services.limits.set(
                            tenant.id(),
                            new Limits.Wanted(
                                    whose.project,
                                    whose.key,
                                    model.getValue(),
                                    kind.getValue(),
                                    amount(kind.getValue(), amount),
                                    percents(warn.getValue()),
                                    overbooks.isVisible() && overbooks.getValue()),
                            actors.actor());
                    Page.done("Set the limit.");
                    show();
                });
    }

    private ComboBox<Subject> subjects(@Nullable Limit old) {
        Actor actor = actors.actor();
        List<Subject> all = new ArrayList<>();
        if (old != null) {
            all.add(new Subject(
                    old.level().name().toLowerCase(Locale.ROOT) + " " + old.subject(), old.project(), old.key()));
        } else {
            if (actor.may(Permission.CHANGE_PLATFORM)) {
                all.add(new Subject("the tenant as a whole", null, null));
            }
            for (Project project : services.tenants.projects(tenant.id(), actor)) {
                all.add(new Subject("the project " + project.name(), project.id(), null));
            }
            for (ApiKey key : services.keys.ofTenant(tenant.id(), 0, MOST_KEYS, actor)) {
                if (key.revokedAt() == null) {
                    all.add(new Subject("the key " + key.name() + " (" + key.prefix() + ")", null, key.id()));
                }
            }
        }
        ComboBox<Subject> of = new ComboBox<>("Of");
        of.setItems(all);
        of.setItemLabelGenerator(Subject::words);
        of.setValue(all.isEmpty() ? null : all.getFirst());
        of.setReadOnly(old != null);
        return of;
    }

    private static boolean reserves(@Nullable LimitKind kind) {
        return kind != null
                && switch (kind) {
                    case TOKENS_PER_MINUTE,
                            COMPLETION_TOKENS_PER_MINUTE,
                            TOKENS_PER_DAY,
                            TOKENS_PER_MONTH,
                            MONEY_PER_MONTH -> true;
                    case REQUESTS_PER_MINUTE,
                            PROMPT_TOKENS_PER_MINUTE,
                            CONCURRENT_REQUESTS,
                            LARGEST_PROMPT,
                            LARGEST_OUTPUT -> false;
                };
    }

    private static long amount(LimitKind kind, NumberField field) {
        double value = FieldDialog.value("amount", field);
        if (kind == LimitKind.MONEY_PER_MONTH) {
            return Math.round(value * MILLION);
        }
        if (value != Math.rint(value)) {
            throw new InvalidRequestException("amount", "A whole number, for it is not money.");
        }
        return (long) value;
    }

    private static List<Integer> percents(String text) {
        try {
            return Arrays.stream(text.split("[\\s,%]+"))
                    .filter(word -> !word.isEmpty())
                    .map(Integer::valueOf)
                    .sorted()
                    .toList();
        } catch (NumberFormatException e) {
            throw new InvalidRequestException("warn_percent", "Whole numbers from 1 to 100, such as 50, 80.");
        }
    }
}
