package io.ashlar.console;

import com.vaadin.flow.component.UI;
import com.vaadin.flow.component.applayout.AppLayout;
import com.vaadin.flow.component.applayout.DrawerToggle;
import com.vaadin.flow.component.button.Button;
import com.vaadin.flow.component.button.ButtonVariant;
import com.vaadin.flow.component.html.Div;
import com.vaadin.flow.component.html.Footer;
import com.vaadin.flow.component.html.Header;
import com.vaadin.flow.component.html.Span;
import com.vaadin.flow.component.icon.VaadinIcon;
import com.vaadin.flow.component.orderedlayout.Scroller;
import com.vaadin.flow.component.page.ColorScheme;
import com.vaadin.flow.component.sidenav.SideNav;
import com.vaadin.flow.component.sidenav.SideNavItem;
import com.vaadin.flow.router.Layout;
import com.vaadin.flow.router.RouterLink;
import com.vaadin.flow.server.auth.AnonymousAllowed;
import com.vaadin.flow.spring.security.AuthenticationContext;
import io.ashlar.access.Role;
import io.ashlar.identity.Member;

/** The frame of every page: navigation at the side, who is signed in at its foot. */
@Layout
@AnonymousAllowed // each view has its own lock
public class MainLayout extends AppLayout {
    private static final long serialVersionUID = 1;

    public MainLayout(AuthenticationContext authentication, ConsoleActors actors) {
        Member member = actors.member();
        show(member.theme());
        setPrimarySection(Section.DRAWER);
        Span brand = new Span("Ashlar");
        brand.addClassName("brand");
        addToDrawer(new Header(brand), new Scroller(navigation(member)), footer(authentication));
        DrawerToggle toggle = new DrawerToggle();
        toggle.setAriaLabel("Show or hide the navigation");
        Div bar = new Div(toggle);
        bar.addClassName("bar");
        addToNavbar(true, bar);
    }

    /** The theme that somebody chose. */
    static void show(String theme) {
        UI.getCurrent()
                .getPage()
                .setColorScheme(
                        switch (theme) {
                            case "light" -> ColorScheme.Value.LIGHT;
                            case "dark" -> ColorScheme.Value.DARK;
                            default -> ColorScheme.Value.LIGHT_DARK;
                        });
    }

    private static SideNav navigation(Member member) {
        SideNav navigation = new SideNav();
        navigation.getElement().setAttribute("aria-label", "Pages");
        Role role = member.role();
        if (role.ofPlatform()) {
            SideNavItem tenants = new SideNavItem("Tenants", TenantsView.class, VaadinIcon.USERS.create());
            tenants.setMatchNested(true); // each has a page below
            navigation.addItem(new SideNavItem("Overview", OverviewView.class, VaadinIcon.DASHBOARD.create()), tenants);
        } else {
            navigation.addItem(new SideNavItem(
                    String.valueOf(member.tenantName()), "tenants/" + member.tenantName(), VaadinIcon.HOME.create()));
        }
        SideNavItem keys = new SideNavItem("API keys", KeysView.class, VaadinIcon.KEY.create());
        keys.setMatchNested(true); // a tenant's keys are a page below
        navigation.addItem(keys);
        if (role.ofPlatform()) {
            navigation.addItem(
                    new SideNavItem("Models", ModelsView.class, VaadinIcon.CUBES.create()),
                    new SideNavItem("Deployments", DeploymentsView.class, VaadinIcon.SERVER.create()));
        }
        navigation.addItem(
                new SideNavItem("Requests", RequestsView.class, VaadinIcon.LIST.create()),
                new SideNavItem("Usage and cost", UsageView.class, VaadinIcon.BAR_CHART.create()));
        if (role != Role.PLATFORM_VIEWER && role != Role.TENANT_VIEWER) {
            navigation.addItem(new SideNavItem("Playground", PlaygroundView.class, VaadinIcon.CHAT.create()));
        }
        if (role.ofPlatform() || role == Role.TENANT_ADMINISTRATOR) {
            navigation.addItem(
                    new SideNavItem("Members", MembersView.class, VaadinIcon.USER.create()),
                    new SideNavItem("Audit", AuditView.class, VaadinIcon.RECORDS.create()));
        }
        if (role.ofPlatform()) {
            navigation.addItem(new SideNavItem("Settings", SettingsView.class, VaadinIcon.COG.create()));
        }
        return navigation;
    }

    private static Footer footer(AuthenticationContext authentication) {
        RouterLink who = new RouterLink(authentication.getPrincipalName().orElse(""), ProfileView.class);
        who.addClassName("who");
        who.getElement().setAttribute("title", "Your profile");
        Button out = new Button("Sign out", VaadinIcon.SIGN_OUT.create(), e -> authentication.logout());
        out.addThemeVariants(ButtonVariant.LUMO_TERTIARY);
        Footer footer = new Footer(who, out);
        footer.addClassName("drawer-foot");
        return footer;
    }
}
