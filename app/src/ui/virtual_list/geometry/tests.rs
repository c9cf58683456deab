#![expect(clippy::float_cmp, clippy::cast_precision_loss, reason = "whole numbers are exact")]

use super::*;

/// A list with rows of 50 pixels and a view of ten of them.
fn list(count: usize) -> Geometry {
    let mut list = Geometry::new(count, 50);
    list.measure(500.0, 50.0);
    for rank in 0..50 {
        list.set_height(rank, 50.0);
    }
    list
}

fn measure_all(list: &mut Geometry, height: impl Fn(usize) -> f64) {
    for rank in list.first()..list.first() + 50 {
        list.set_height(rank, height(rank));
    }
}

#[test]
fn a_short_list_is_drawn_whole() {
    let mut list = list(50);
    assert!(!list.is_virtual());
    list.scroll(900.0);
    assert_eq!((list.follow(), list.rows_top(), list.settle()), (Shift::None, 0.0, None));
}

#[test]
fn small_steps_move_pixel_by_pixel_and_the_rows_follow_in_strides() {
    let mut list = list(100_000);
    let mut shifts = 0;
    for step in 1..=400 {
        list.scroll(f64::from(step) * 10.0);
        match list.follow() {
            Shift::None => {}
            Shift::By(rows) => {
                assert!(rows >= 4, "{rows}");
                shifts += 1;
            }
            Shift::Anew => panic!("nothing jumped"),
        }
        measure_all(&mut list, |_| 50.0);
        let (rank, past) = list.anchor();
        assert_eq!(rank as f64 * 50.0 + past, f64::from(step) * 10.0);
        // The anchor lies where the window is.
        let anchor_top = list.rows_top() + (rank - list.first()) as f64 * 50.0;
        assert_eq!(anchor_top + past, f64::from(step) * 10.0);
    }
    assert!((10..=20).contains(&shifts), "{shifts}");
}

#[test]
fn taller_rows_above_do_not_move_what_is_seen() {
    let mut list = list(100_000);
    list.scroll(3_000_000.0);
    assert_eq!(list.follow(), Shift::Anew);
    let (rank, past) = list.anchor();
    let seen_at = |list: &Geometry| list.rows_top() + list.above() + past;
    let before = seen_at(&list);
    measure_all(&mut list, |rank| if rank % 2 == 0 { 90.0 } else { 50.0 });
    assert_eq!(list.anchor(), (rank, past));
    assert_eq!(seen_at(&list), before);
}

#[test]
fn both_ends_are_reached_exactly_whatever_the_heights() {
    for count in [51, 60, 1_000, 100_000, 1_000_000] {
        let mut list = list(count);
        let end = list.space() - 500.0;
        for top in [end, 0.0, end / 2.0, end] {
            list.scroll(top);
            list.follow();
            measure_all(&mut list, |rank| 60.0 + (rank % 7) as f64);
            list.settle();
        }
        assert_eq!(list.first() + 50, count);
        // The last row ends where the content ends.
        let rows: f64 = (list.first()..count).map(|rank| list.height(rank)).sum();
        assert!((list.rows_top() + rows - list.space()).abs() < 1e-6, "{count}");

        list.scroll(0.0);
        list.follow();
        measure_all(&mut list, |_| 60.0);
        list.settle();
        assert_eq!((list.first(), list.anchor(), list.rows_top()), (0, (0, 0.0), 0.0), "{count}");
    }
}

#[test]
fn slow_scrolling_reaches_the_top_although_the_rows_are_taller_than_thought() {
    let mut list = list(1_000_000);
    list.go_to(300, 0.0);
    list.follow();
    measure_all(&mut list, |_| 80.0);
    let mut top = list.rest().unwrap();
    for _ in 0..10_000 {
        top = (top - 100.0).max(0.0);
        list.scroll(top);
        list.follow();
        measure_all(&mut list, |_| 80.0);
        if let Some(fitting) = list.settle() {
            top = fitting;
        }
        if top == 0.0 {
            // Whoever is at the upper end of the scrollbar is at the first row or comes there next.
            list.rest();
            top = list.top;
            if top == 0.0 {
                break;
            }
        }
    }
    assert_eq!(list.anchor(), (0, 0.0));
}

#[test]
fn a_pause_puts_the_scrollbar_where_the_rank_says() {
    let mut list = list(1_000_000);
    list.go_to(500_000, 0.0);
    assert_eq!(list.follow(), Shift::Anew);
    let top = list.rest().unwrap();
    assert!((top / (list.space() - 500.0) - 0.5).abs() < 0.001, "{top}");
    assert_eq!(list.rest(), None);
    list.scroll(top);
    assert_eq!(list.anchor().0, 500_000);
}

#[test]
fn a_row_is_revealed_with_the_least_movement() {
    let mut list = list(100_000);
    assert!(!list.reveal(9));
    assert!(list.reveal(10));
    assert_eq!(list.anchor(), (1, 0.0));
    assert!(list.reveal(0));
    assert_eq!(list.anchor(), (0, 0.0));
    assert!(list.reveal(99_999));
    assert_eq!(list.anchor(), (99_990, 0.0));
    assert!(list.reveal(50_000));
    assert_eq!(list.anchor(), (50_000, 0.0));
}

#[test]
fn a_shorter_list_keeps_hold_of_its_last_row() {
    let mut list = list(1_000);
    list.go_to(900, 10.0);
    list.set_count(100);
    assert_eq!(list.anchor(), (99, 0.0));
    list.follow();
    assert_eq!(list.first(), 50);
}

#[test]
fn as_many_rows_are_drawn_as_the_view_wants() {
    let mut list = list(1_000);
    // Ten that are seen, one cut by the edge, six beyond each edge, one stride.
    assert_eq!(list.wanted(50), 27);
    list.draw(27);
    list.scroll(30_000.0);
    list.follow();
    assert_eq!(
        (list.anchor().0 - list.first(), list.first() + 27 - list.anchor().0 > 17),
        (8, true)
    );
    // A taller view wants more, and none has more than there are.
    list.measure(1_500.0, 50.0);
    assert_eq!(list.wanted(100), 65);
    assert_eq!(list.wanted(50), 50);
    // A list that they hold whole is drawn whole.
    list.set_count(50);
    assert_eq!(list.wanted(50), 50);
}

#[test]
fn a_list_that_outgrows_its_rows_keeps_those_that_are_seen() {
    let mut list = list(48);
    list.scroll(1_900.0);
    assert_eq!(list.anchor(), (38, 0.0));
    list.set_count(53);
    // All that go stood above the view.
    assert_eq!(list.draw(list.wanted(50)), 23);
    assert_eq!((list.first(), list.above()), (23, 15.0 * 50.0));
    assert_eq!(list.follow(), Shift::By(3));
}

#[test]
fn rows_that_come_above_do_not_move_what_is_seen() {
    let mut list = list(1_000);
    list.scroll(1_010.0);
    list.follow();
    let (rank, past) = list.anchor();
    let (first, top) = (list.first(), list.rows_top());
    assert_eq!(list.renew(1_002, 2), 0);
    assert_eq!((list.anchor(), list.first()), ((rank + 2, past), first + 2));
    assert_eq!(list.rows_top(), top);
}

#[test]
fn a_row_that_goes_above_takes_its_element_and_its_height_along() {
    let mut list = list(48);
    list.set_height(0, 80.0);
    list.scroll(530.0);
    assert_eq!(list.anchor(), (10, 0.0));
    assert_eq!(list.renew(47, -1), 1);
    assert_eq!((list.anchor(), list.first(), list.above()), ((9, 0.0), 0, 450.0));
    // A list that lies in the flow is scrolled back by as much.
    assert_eq!(list.settle(), Some(450.0));
}
