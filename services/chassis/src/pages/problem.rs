//! What is wrong, as a page: problems are `application/problem+json` to programs, and a page of the same status to people
//! who follow a link.

use actix_web::{
    Error,
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
    http::{Problem, prefers_html},
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

/// Middleware: answers a browser with a page where a program would be told of a problem.
pub(crate) async fn for_browsers(
    pages: Data<Pages>,
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<EitherBody<impl MessageBody>>, Error> {
    let answer = next.call(request).await?;
    if !answer.status().is_client_error() && !answer.status().is_server_error() {
        return Ok(answer.map_into_left_body());
    }
    let problem = answer.response().extensions().get::<Problem>().cloned();
    let request = answer.request();
    let Some(problem) = problem.filter(|_| request.method() == Method::GET && prefers_html(request)) else {
        return Ok(answer.map_into_left_body());
    };
    let context = RequestContext::of(request);
    let page = Page {
        service: &pages.service,
        problem: &problem,
        status: answer.status().as_u16(),
        request_id: &context.request_id,
    };
    let Ok(page) = page.render() else { return Ok(answer.map_into_left_body()) };
    let mut shown = html_answer(answer.status(), page);
    // What the problem has told in headers, such as when to try again, it still does.
    for (name, value) in answer.headers() {
        if !shown.headers().contains_key(name) {
            shown.headers_mut().append(name.clone(), value.clone());
        }
    }
    shown.headers_mut().insert(VARY, HeaderValue::from_static("accept"));
    Ok(answer.into_response(shown).map_into_boxed_body().map_into_right_body())
}
