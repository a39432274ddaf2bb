package io.ashlar.console;

import com.vaadin.flow.component.Component;
import com.vaadin.flow.component.button.Button;
import com.vaadin.flow.component.grid.Grid;
import com.vaadin.flow.component.grid.GridVariant;
import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.Span;
import com.vaadin.flow.component.textfield.TextField;
import com.vaadin.flow.data.provider.DataProvider;
import com.vaadin.flow.router.BeforeEvent;
import com.vaadin.flow.router.HasUrlParameter;
import com.vaadin.flow.router.OptionalParameter;
import com.vaadin.flow.router.PageTitle;
import com.vaadin.flow.router.Route;
import io.ashlar.access.Actor;
import io.ashlar.access.Permission;
import io.ashlar.identity.Member;
import io.ashlar.identity.Members;
import io.ashlar.identity.Tenant;
import io.ashlar.identity.Tenants;
import jakarta.annotation.security.RolesAllowed;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Who signs in, and as what. */
@Route("members")
@PageTitle("Members · Ashlar")
@RolesAllowed({ConsoleSecurity.ADMINISTRATOR, ConsoleSecurity.VIEWER, ConsoleSecurity.TENANT_ADMINISTRATOR})
public class MembersView extends Page implements HasUrlParameter<String> {
    private static final long serialVersionUID = 1;

    private final transient Members members;
    private final transient MemberDialog dialog;
    private final transient ConsoleActors actors;
    private final TenantPicker tenant;
    private final TextField search = filter("Find somebody", () -> refreshAll());
    private final Grid<Member> grid = new Grid<>();

    public MembersView(Members members, Tenants tenants, ConsoleActors actors) {
        super("Members");
        this.members = members;
        this.dialog = new MemberDialog(members, tenants, actors);
        this.actors = actors;
        tenant = new TenantPicker(tenants, actors);
        Actor actor = actors.actor();
        UUID own = actor.tenant();
        boolean changes =
                own == null ? actor.may(Permission.CHANGE_PLATFORM) : actor.may(Permission.CHANGE_TENANT, own);
        Button create = primary("Create member", () -> dialog.create(this::refreshAll));
        create.setVisible(changes);
        tenant.setAriaLabel("Tenant");
        tenant.setPlaceholder("All tenants");
        tenant.setClearButtonVisible(true);
        tenant.setVisible(own == null);
        tenant.addValueChangeListener(e -> refreshAll());
        Div filters = new Div(search, tenant);
        filters.addClassName("filters");
        Div tools = new Div(filters, create);
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
                q -> members.find(of(), search.getValue(), q.getOffset(), q.getLimit(), actors.actor()).stream(),
                q -> members.count(of(), search.getValue(), actors.actor())));
        add(tools, grid);
    }

    @Override
    public void setParameter(BeforeEvent event, @OptionalParameter @Nullable String name) {
        if (name != null && tenant.isVisible()) {
            attempt(() -> tenant.choose(name));
        }
    }

    /** Whose members are shown; null for all. */
    private @Nullable UUID of() {
        Tenant chosen = tenant.getValue();
        UUID own = actors.actor().tenant();
        return own != null ? own : chosen == null ? null : chosen.id();
    }

    private void refreshAll() {
        grid.getDataProvider().refreshAll();
    }

    private static Span state(Member member) {
        return member.enabled() ? badge("Active", "good") : badge("Disabled", "warn");
    }

    private Component actions(Member member) {
        Button edit = small("Change", () -> dialog.change(member, this::refreshAll));
        edit.setAriaLabel("Change " + member.login());
        Button enabled = member.enabled()
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
        enabled.setAriaLabel(enabled.getText() + " " + member.login());
        Div all = new Div(edit, enabled);
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
}
