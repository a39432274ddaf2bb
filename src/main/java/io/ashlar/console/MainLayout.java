package io.ashlar.console;

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
import com.vaadin.flow.component.sidenav.SideNav;
import com.vaadin.flow.component.sidenav.SideNavItem;
import com.vaadin.flow.router.Layout;
import com.vaadin.flow.server.auth.AnonymousAllowed;
import com.vaadin.flow.spring.security.AuthenticationContext;

/** The frame of every page: navigation at the side, who is signed in at its foot. */
@Layout
@AnonymousAllowed // each view has its own lock
public class MainLayout extends AppLayout {
    private static final long serialVersionUID = 1;

    public MainLayout(AuthenticationContext authentication) {
        setPrimarySection(Section.DRAWER);
        Span brand = new Span("Ashlar");
        brand.addClassName("brand");
        addToDrawer(new Header(brand), new Scroller(navigation()), footer(authentication));
        DrawerToggle toggle = new DrawerToggle();
        toggle.setAriaLabel("Show or hide the navigation");
        Div bar = new Div(toggle);
        bar.addClassName("bar");
        addToNavbar(true, bar);
    }

    private static SideNav navigation() {
        SideNav navigation = new SideNav();
        navigation.getElement().setAttribute("aria-label", "Pages");
        SideNavItem keys = new SideNavItem("API keys", KeysView.class, VaadinIcon.KEY.create());
        keys.setMatchNested(true); // a tenant's keys are a page below
        navigation.addItem(
                new SideNavItem("Overview", OverviewView.class, VaadinIcon.DASHBOARD.create()),
                new SideNavItem("Tenants", TenantsView.class, VaadinIcon.USERS.create()),
                keys,
                new SideNavItem("Audit", AuditView.class, VaadinIcon.RECORDS.create()));
        return navigation;
    }

    private static Footer footer(AuthenticationContext authentication) {
        Span who = new Span(authentication.getPrincipalName().orElse(""));
        who.addClassName("who");
        Button out = new Button("Sign out", VaadinIcon.SIGN_OUT.create(), e -> authentication.logout());
        out.addThemeVariants(ButtonVariant.LUMO_TERTIARY);
        Footer footer = new Footer(who, out);
        footer.addClassName("drawer-foot");
        return footer;
    }
}
