package io.ashlar.console;

import com.vaadin.flow.component.select.Select;
import com.vaadin.flow.component.textfield.PasswordField;
import com.vaadin.flow.component.textfield.TextField;
import io.ashlar.access.Actor;
import io.ashlar.access.Role;
import io.ashlar.identity.Member;
import io.ashlar.identity.Members;
import io.ashlar.identity.Tenant;
import io.ashlar.identity.Tenants;
import java.util.Arrays;
import java.util.Objects;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Asks who somebody is: for one who is to sign in with a password here, or of one who is known. */
record MemberDialog(Members members, Tenants tenants, ConsoleActors actors) {
    void create(Runnable after) {
        TextField login = FieldDialog.text("User name", "", "");
        PasswordField password = password("First password", "At least 12 characters; they change it in their profile.");
        Place place = place(Role.TENANT_DEVELOPER, null);
        new FieldDialog("Create member")
                .half("login", login)
                .half("password", password)
                .half("role", place.field)
                .half("tenant", place.tenant)
                .open("Create", () -> {
                    String name = login.getValue().strip();
                    members.create(name, password.getValue(), place.role(), place.of(), actors.actor());
                    Page.done("Created " + name + ".");
                    after.run();
                });
    }

    void change(Member member, Runnable after) {
        PasswordField password = password("New password", "Empty leaves it as it is.");
        password.setVisible(member.provider() == null);
        Place place = place(member.role(), member.tenantName());
        place.field.setHelperText(
                member.provider() == null
                        ? "Their sessions end; the next has the new role."
                        : "What the rules of " + member.provider() + " say holds again at their next sign-in.");
        new FieldDialog("Change " + member.login())
                .half("role", place.field)
                .half("tenant", place.tenant)
                .field("password", password)
                .open("Save", () -> {
                    UUID of = place.of();
                    if (place.role() != member.role() || !Objects.equals(of, member.tenant())) {
                        members.setRole(member.login(), place.role(), of, actors.actor());
                    }
                    if (!password.isEmpty()) {
                        members.setPassword(member.login(), password.getValue(), actors.actor());
                    }
                    Page.done("Saved " + member.login() + ".");
                    after.run();
                });
    }

    private static PasswordField password(String label, String help) {
        PasswordField password = new PasswordField(label);
        password.setHelperText(help);
        password.getElement().setAttribute("autocomplete", "new-password");
        return password;
    }

    /** A role, and the tenant that it is of. */
    private record Place(
            Select<Role> field,
            TenantPicker tenant,
            @Nullable UUID own) {
        Role role() {
            return field.getValue();
        }

        @Nullable
        UUID of() {
            Tenant chosen = tenant.getValue();
            return role().ofPlatform() ? null : own != null ? own : chosen == null ? null : chosen.id();
        }
    }

    private Place place(Role held, @Nullable String tenantName) {
        Actor actor = actors.actor();
        UUID own = actor.tenant();
        Select<Role> role = new Select<>();
        role.setLabel("Role");
        role.setItems(Arrays.stream(Role.values())
                .filter(r -> own == null || !r.ofPlatform())
                .toList());
        role.setItemLabelGenerator(Role::words);
        TenantPicker tenant = new TenantPicker(tenants, actors);
        tenant.setLabel("Tenant");
        role.addValueChangeListener(
                e -> tenant.setVisible(own == null && !e.getValue().ofPlatform()));
        role.setValue(held);
        tenant.setVisible(own == null && !held.ofPlatform());
        if (tenantName != null) {
            tenant.choose(tenantName);
        }
        return new Place(role, tenant, own);
    }
}
