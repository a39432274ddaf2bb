package io.ashlar.console;

import com.vaadin.flow.component.combobox.ComboBox;
import io.ashlar.identity.Tenant;
import io.ashlar.identity.Tenants;
import org.jspecify.annotations.Nullable;

/** Chooses a tenant among those that its reader may see, by typing a part of the name; only what is looked at is read. */
final class TenantPicker extends ComboBox<Tenant> {
    private static final long serialVersionUID = 1;

    private final transient Tenants tenants;
    private final transient ConsoleActors actors;

    TenantPicker(Tenants tenants, ConsoleActors actors) {
        this.tenants = tenants;
        this.actors = actors;
        setPlaceholder("Choose a tenant");
        setItemLabelGenerator(Tenant::name);
        setItems(
                query -> tenants
                        .find(search(query.getFilter().orElse("")), query.getOffset(), query.getLimit(), actors.actor())
                        .stream());
    }

    private static Tenants.Search search(String part) {
        return new Tenants.Search(part.strip(), null);
    }

    /** Chooses one by its name, or the first where none is named; nothing where there is none. */
    void choose(@Nullable String name) {
        setValue(
                name != null
                        ? tenants.named(name, actors.actor()).orElse(null)
                        : tenants.find(Tenants.Search.ALL, 0, 1, actors.actor()).stream()
                                .findFirst()
                                .orElse(null));
    }
}
