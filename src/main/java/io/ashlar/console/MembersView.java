package io.ashlar.console;

import com.vaadin.flow.component.Component;
import com.vaadin.flow.component.button.Button;
import com.vaadin.flow.component.dialog.Dialog;
import com.vaadin.flow.component.grid.Grid;
import com.vaadin.flow.component.grid.GridVariant;
import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.Span;
import com.vaadin.flow.component.orderedlayout.VerticalLayout;
import com.vaadin.flow.component.select.Select;
import com.vaadin.flow.component.textfield.PasswordField;
import com.vaadin.flow.component.textfield.TextField;
import com.vaadin.flow.data.provider.DataProvider;
import com.vaadin.flow.router.PageTitle;
import com.vaadin.flow.router.Route;
import io.ashlar.access.Actor;
import io.ashlar.access.InvalidRequestException;
import io.ashlar.access.Permission;
import io.ashlar.access.Role;
import io.ashlar.identity.Member;
import io.ashlar.identity.Members;
import io.ashlar.identity.Tenant;
import io.ashlar.identity.Tenants;
import jakarta.annotation.security.RolesAllowed;
import java.util.Arrays;
import java.util.UUID;

/** Who signs in, and as what. */
@Route("members")
@PageTitle("Members · Ashlar")
@RolesAllowed({ConsoleSecurity.ADMINISTRATOR, ConsoleSecurity.VIEWER, ConsoleSecurity.TENANT_ADMINISTRATOR})
public class MembersView extends Page {
    private static final long serialVersionUID = 1;

    private final transient Members members;
    private final transient Tenants tenants;
    private final transient ConsoleActors actors;
    private final TextField search = filter("Find somebody", () -> refreshAll());
    private final Grid<Member> grid = new Grid<>();

    public MembersView(Members members, Tenants tenants, ConsoleActors actors) {
        super("Members");
        this.members = members;
        this.tenants = tenants;
        this.actors = actors;
        Actor actor = actors.actor();
        UUID own = actor.tenant();
        boolean changes =
                own == null ? actor.may(Permission.CHANGE_PLATFORM) : actor.may(Permission.CHANGE_TENANT, own);
        Button create = primary("Create member", this::create);
        create.setVisible(changes);
        Div tools = new Div(search, create);
        tools.addClassName("tools");
        grid.addColumn(Member::login).setHeader("User name").setAutoWidth(true).setFlexGrow(2);
        grid.addColumn(Member::name).setHeader("Name").setAutoWidth(true);
        grid.addColumn(m -> m.role().words()).setHeader("Role").setAutoWidth(true);
        grid.addColumn(m -> m.tenantName() == null ? "the platform" : m.tenantName())
                .setHeader("Of")
                .setAutoWidth(true);
        grid.addColumn(m -> m.provider() == null ? "a password here" : m.provider())
                .setHeader("Signs in with")
                .setAutoWidth(true);
        grid.addComponentColumn(MembersView::state).setHeader("State").setAutoWidth(true);
        if (changes) {
            grid.addComponentColumn(this::actions)
                    .setHeader("Actions")
                    .setAutoWidth(true)
                    .setFlexGrow(0);
        }
        grid.setHeight("calc(100vh - 12rem)");
        grid.addThemeVariants(GridVariant.LUMO_NO_BORDER);
        grid.setEmptyStateComponent(
                empty("Nobody found", "People of a sign-in provider appear here when they first sign in."));
        grid.setItems(DataProvider.fromCallbacks(
                q -> members.find(own, search.getValue(), q.getOffset(), q.getLimit(), actor).stream(),
                q -> members.count(own, search.getValue(), actor)));
        add(tools, grid);
    }

    private void refreshAll() {
        grid.getDataProvider().refreshAll();
    }

    private static Span state(Member member) {
        return member.enabled() ? badge("Active", "good") : badge("Disabled", "warn");
    }

    private Component actions(Member member) {
        Button change = member.enabled()
                ? small(
                        "Disable",
                        () -> confirm(
                                "Disable " + member.login() + "?",
                                "Their sessions end at once, and their access tokens are refused. API keys that they made stay.",
                                "Disable",
                                () -> act(
                                        () -> members.disable(member.login(), actors.actor()),
                                        "Disabled " + member.login() + ".")))
                : small(
                        "Enable",
                        () -> act(
                                () -> members.enable(member.login(), actors.actor()),
                                "Enabled " + member.login() + "."));
        change.setAriaLabel(change.getText() + " " + member.login());
        Div all = new Div(change);
        all.addClassName("row-actions");
        if (member.oneTimeCodes()) {
            all.add(small(
                    "Forget codes",
                    () -> act(
                            () -> members.forgetOneTimeCodes(member.login(), actors.actor()),
                            member.login() + " signs in without codes.")));
        }
        return all;
    }

    private void act(Runnable action, String told) {
        if (attempt(action)) {
            done(told);
            refreshAll();
        }
    }

    private void create() {
        Actor actor = actors.actor();
        UUID own = actor.tenant();
        Dialog dialog = new Dialog("Create member");
        TextField login = new TextField("User name");
        login.setWidthFull();
        PasswordField password = new PasswordField("First password");
        password.setHelperText("At least 12 characters; they change it in their profile.");
        password.setWidthFull();
        Select<Role> role = new Select<>();
        role.setLabel("Role");
        role.setItems(Arrays.stream(Role.values())
                .filter(r -> own == null || !r.ofPlatform())
                .toList());
        role.setItemLabelGenerator(Role::words);
        role.setValue(Role.TENANT_DEVELOPER);
        role.setWidthFull();
        TextField tenant = new TextField("Tenant");
        tenant.setHelperText("For roles of a tenant.");
        tenant.setVisible(own == null);
        tenant.setWidthFull();
        Button save = primary("Create", () -> {
            try {
                UUID of = own != null || role.getValue().ofPlatform()
                        ? own
                        : tenants.named(tenant.getValue().strip(), actor)
                                .map(Tenant::id)
                                .orElse(null);
                members.create(login.getValue().strip(), password.getValue(), role.getValue(), of, actors.actor());
                dialog.close();
                done("Created " + login.getValue().strip() + ".");
                refreshAll();
            } catch (InvalidRequestException e) {
                boolean ofPassword = e.field().equals("password");
                (ofPassword ? password : e.field().equals("role") ? tenant : login)
                        .getElement()
                        .setProperty("errorMessage", e.getMessage());
                (ofPassword ? password : e.field().equals("role") ? tenant : login)
                        .getElement()
                        .setProperty("invalid", true);
            }
        });
        VerticalLayout form = new VerticalLayout(login, password, role, tenant);
        form.setPadding(false);
        dialog.add(form);
        dialog.getFooter().add(new Button("Cancel", e -> dialog.close()), save);
        dialog.setWidth("28rem");
        dialog.open();
    }
}
