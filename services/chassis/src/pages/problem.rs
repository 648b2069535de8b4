//! What is wrong, as a page: problems are `application/problem+json` to programs, and a page of the same status to people
//! who follow a link.

use actix_web::{
    Error, HttpResponse,
    body::{EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method,
        header::{HeaderValue, VARY},
    },
    middleware::Next,
    web::Data,
};
use askama::Template;

use super::{Pages, html_answer};
use crate::{
    Service,
    http::{Problem, answered_with, prefers_html_to_a_problem},
    telemetry::RequestContext,
};

#[derive(Template)]
#[template(path = "problem.html")]
struct Page<'a> {
    service: &'a Service,
    problem: &'a Problem,
    status: u16,
    request_id: &'a str,
}

/// Middleware: answers a browser with a page where a program would get a problem.
pub(crate) async fn for_browsers(
    pages: Data<Pages>,
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<EitherBody<impl MessageBody>>, Error> {
    let is_read = request.method() == Method::GET;
    let browser =
        (is_read && prefers_html_to_a_problem(request.headers())).then(|| RequestContext::of(request.request()));
    match next.call(request).await {
        Ok(mut answer) => {
            if is_read && !answer.headers().contains_key(VARY) && answer.response().extensions().contains::<Problem>() {
                answer.headers_mut().insert(VARY, HeaderValue::from_static("accept"));
            }
            Ok(match browser.and_then(|browser| page_instead(&pages, &browser, answer.response())) {
                Some(page) => answer.into_response(page).map_into_right_body(),
                None => answer.map_into_left_body(),
            })
        }
        Err(error) => {
            let answer = error.error_response();
            let page = browser.and_then(|browser| page_instead(&pages, &browser, &answer));
            Err(answered_with(error, page.unwrap_or(answer)))
        }
    }
}

/// The page that shows the problem in `answer`, if there is one.
fn page_instead<B>(pages: &Pages, browser: &RequestContext, answer: &HttpResponse<B>) -> Option<HttpResponse> {
    let extensions = answer.extensions();
    let problem = extensions.get::<Problem>()?;
    let status = answer.status();
    let page = Page { service: &pages.service, problem, status: status.as_u16(), request_id: &browser.request_id };
    let mut page = html_answer(status, page.render().ok()?);
    // What the problem has told in headers, such as when to try again, it still does.
    for (name, value) in answer.headers() {
        if !page.headers().contains_key(name) {
            page.headers_mut().append(name.clone(), value.clone());
        }
    }
    Some(page)
}
